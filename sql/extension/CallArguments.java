package foretable;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.types.*;

/** The arguments of a call, by position or by name: [model,] features [, class]. */
public class CallArguments {
  final String function;
  public Expression model;
  public Expression features;
  public Expression chosenClass;

  public CallArguments(String function, scala.collection.immutable.Seq given) {
    this.function = function;
    List positional = new ArrayList();
    for (int i = 0; i < given.length(); i++) {
      Expression argument = (Expression) given.apply(i);
      if (argument instanceof NamedArgumentExpression) {
        bind((NamedArgumentExpression) argument);
      } else {
        positional.add(argument);
      }
    }
    // A text before the features is the model, one after them the class.
    if (model == null && !positional.isEmpty() && (features != null || !isFeatures(positional, 0))) {
      model = (Expression) positional.remove(0);
    }
    if (features == null && isFeatures(positional, 0)) {
      features = (Expression) positional.remove(0);
    }
    if (takesClass() && chosenClass == null && features != null && !positional.isEmpty()) {
      chosenClass = (Expression) positional.remove(0);
    }
    if (features == null || !positional.isEmpty()) {
      Refusal.refuse(usage());
    }
  }

  void bind(NamedArgumentExpression named) {
    if (named.key().equalsIgnoreCase("model")) {
      model = named.value();
    } else if (named.key().equalsIgnoreCase("features")) {
      features = named.value();
    } else if (named.key().equalsIgnoreCase("class") && takesClass()) {
      chosenClass = named.value();
    } else {
      Refusal.refuse(function + " has no argument " + named.key() + ": it takes model" + (takesClass() ? ", features and class" : " and features"));
    }
  }

  boolean takesClass() {
    return function.equals("predict_probability");
  }

  static boolean isFeatures(List positional, int i) {
    if (i >= positional.size()) {
      return false;
    }
    DataType type = ((Expression) positional.get(i)).dataType();
    return type instanceof StructType || (type instanceof ArrayType && ((ArrayType) type).elementType() instanceof StructType);
  }

  String usage() {
    String last = takesClass() ? " [, 'class']" : "";
    return "usage: " + function + "(features" + last + ") or " + function + "('model', features" + last
        + "), where features is a STRUCT such as struct(*)";
  }

  public String modelText() {
    if (!model.foldable() || !(model.dataType() instanceof StringType) || model.eval(null) == null) {
      Refusal.refuse("the model of " + function + " must be a constant text such as 'ridge', 'ridge/3' or 'ridge@champion'");
    }
    return String.valueOf(model.eval(null));
  }

  /** The class as JSON: a text, a number or a truth value. */
  public JsonNode classValue(ObjectMapper json) {
    Object value = chosenClass.foldable() ? chosenClass.eval(null) : null;
    if (value == null) {
      Refusal.refuse("the class of " + function + " must be a constant such as 'up'");
    }
    return value instanceof Number || value instanceof Boolean ? json.valueToTree(value)
        : chosenClass.dataType() instanceof DecimalType ? json.valueToTree(Double.valueOf(value.toString()))
        : json.valueToTree(value.toString());
  }
}

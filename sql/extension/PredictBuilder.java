package foretable;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.catalyst.analysis.CleanupAliases$;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.execution.python.UserDefinedPythonFunction;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.*;
import org.apache.spark.unsafe.Platform;

/**
 * Builds the expression of predict(...) while a query is analysed.
 *
 * Python (the planner) is asked with the model reference and the type of the features. It answers with the
 * function of the one version that is meant and the positions of the fields that this version uses, or with
 * one sentence why the call cannot run: then no task starts. Only those fields enter the call, each cast to
 * DOUBLE, so that the scan below reads no other column.
 */
public class PredictBuilder extends scala.runtime.AbstractFunction1 {
  static final ObjectMapper JSON = new ObjectMapper();
  final String function;
  final BiFunction planner;

  public PredictBuilder(String function, BiFunction planner) {
    this.function = function;
    this.planner = planner;
  }

  public Object apply(Object given) {
    Expression[] arguments = bind((scala.collection.immutable.Seq) given);
    Expression model = arguments[0];
    // Aliases inside the argument, as in struct(struct(x AS k) AS y), break the column title that Spark builds.
    Expression features = CleanupAliases$.MODULE$.trimAliases(arguments[1]);
    ObjectNode request = JSON.createObjectNode();
    request.put("function", function);
    request.put("model", model == null ? SQLConf.get().getConfString("foretable.default_model", null) : text(model));
    request.put("type", features.dataType().json());
    Object answer = planner.apply(request.toString(), null);
    if (answer instanceof String) {
      refuse((String) answer);
    }
    List plan = (List) answer; // the Python function, then the positions of its features
    List columns = new ArrayList();
    for (int i = 1; i < plan.size(); i++) {
      columns.add(column(features, ((Number) plan.get(i)).intValue()));
    }
    return ((UserDefinedPythonFunction) plan.get(0)).builder(seq(columns));
  }

  /** {model or null, features} from positions and names. */
  Expression[] bind(scala.collection.immutable.Seq given) {
    Expression model = null;
    Expression features = null;
    List positional = new ArrayList();
    for (int i = 0; i < given.length(); i++) {
      Expression argument = (Expression) given.apply(i);
      if (!(argument instanceof NamedArgumentExpression)) {
        positional.add(argument);
        continue;
      }
      NamedArgumentExpression named = (NamedArgumentExpression) argument;
      if (named.key().equalsIgnoreCase("model")) {
        model = named.value();
      } else if (named.key().equalsIgnoreCase("features")) {
        features = named.value();
      } else {
        refuse(function + " has no argument " + named.key() + ": it takes model and features");
      }
    }
    int taken = 0;
    if (model == null && positional.size() - (features == null ? 1 : 0) == 1) {
      model = (Expression) positional.get(taken++);
    }
    if (features == null && positional.size() > taken) {
      features = (Expression) positional.get(taken++);
    }
    if (features == null || taken != positional.size()) {
      refuse("usage: " + function + "(features) or " + function + "('model', features), where features is a STRUCT such as struct(*)");
    }
    return new Expression[] {model, features};
  }

  String text(Expression model) {
    if (!model.foldable() || !(model.dataType() instanceof StringType) || model.eval(null) == null) {
      refuse("the model of " + function + " must be a constant text such as 'ridge', 'ridge/3' or 'ridge@champion'");
    }
    return String.valueOf(model.eval(null));
  }

  /** One feature as DOUBLE, or as ARRAY<DOUBLE> where features is a sequence of structs. */
  static Expression column(Expression features, int position) {
    if (features.dataType() instanceof ArrayType) {
      ArrayType array = (ArrayType) features.dataType();
      StructType fields = (StructType) array.elementType();
      Expression values = new GetArrayStructFields(features, fields.apply(position), position, fields.length(), true);
      return cast(values, new ArrayType(DoubleType$.MODULE$, true));
    }
    return cast(new GetStructField(features, position, scala.None$.MODULE$), DoubleType$.MODULE$);
  }

  static Expression cast(Expression value, DataType type) {
    if (value.dataType().equals(type)) {
      return value;
    }
    return new Cast(value, type, new scala.Some(SQLConf.get().sessionLocalTimeZone()), EvalMode$.MODULE$.ANSI());
  }

  static scala.collection.immutable.Seq seq(List items) {
    scala.collection.immutable.List result = scala.collection.immutable.List$.MODULE$.empty();
    for (int i = items.size() - 1; i >= 0; i--) {
      result = result.$colon$colon(items.get(i));
    }
    return result;
  }

  /** An AnalysisException with our sentence; its class must be one that Spark knows, this one is a bare message. */
  static void refuse(String sentence) {
    scala.Option none = scala.None$.MODULE$;
    String text = "[FORETABLE_MODEL] " + sentence;
    scala.collection.immutable.Map parameters = (scala.collection.immutable.Map)
        ((scala.collection.immutable.Map) scala.collection.immutable.Map$.MODULE$.empty()).updated("message", text);
    Platform.throwException(new AnalysisException(text, none, none, none, new scala.Some("_LEGACY_ERROR_TEMP_3100"),
        parameters, new org.apache.spark.QueryContext[0], new scala.Some("42K0E"), none));
  }
}

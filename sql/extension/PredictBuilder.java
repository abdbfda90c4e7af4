package foretable;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.apache.spark.sql.catalyst.analysis.CleanupAliases$;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.execution.python.UserDefinedPythonFunction;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.*;

/**
 * Builds the expression of predict(...) or of its kin while a query is analysed.
 *
 * Python (the planner) is asked with the model reference and the type of the features. It answers how the one
 * version that is meant is executed, and which fields it uses, or with one sentence why the call cannot run: then no
 * task starts. Only those fields enter the call, each as DOUBLE, so that the scan below reads no other column. A model
 * of several labels is a STRUCT of one such call for each of them.
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
    CallArguments arguments = new CallArguments(function, (scala.collection.immutable.Seq) given);
    // Aliases inside the argument, as in struct(struct(x AS k) AS y), break the column title that Spark builds.
    Expression features = CleanupAliases$.MODULE$.trimAliases(arguments.features);
    String reference = arguments.model == null ? SQLConf.get().getConfString("foretable.default_model", null) : arguments.modelText();
    return predicted(reference, arguments, features);
  }

  Expression predicted(String reference, CallArguments arguments, Expression features) {
    ObjectNode request = JSON.createObjectNode();
    request.put("function", function);
    request.put("model", QueryPins.pinned(reference));
    request.put("type", features.dataType().json());
    request.put("on_error", SQLConf.get().getConfString("foretable.on_error", "null"));
    if (arguments.chosenClass != null) {
      request.set("class", arguments.classValue(JSON));
    }
    Object answer = planner.apply(request.toString(), null);
    if (answer instanceof String) {
      Refusal.refuse((String) answer);
    }
    Map plan = (Map) answer;
    if (plan.get("references") != null) {
      String title = arguments.model == null ? function : function + "_" + (String) plan.get("model");
      return asked((List) plan.get("labels"), (List) plan.get("references"), title, arguments, features);
    }
    QueryPins.pin(reference, (String) plan.get("version"));
    String title = arguments.model == null ? function : function + "_" + (String) plan.get("model");
    return new Prediction(executed(plan, features), title, (String) plan.get("call"));
  }

  /** The answers of several models, each in a field that is named as its label. */
  Expression asked(List labels, List references, String title, CallArguments arguments, Expression features) {
    List fields = new ArrayList();
    for (int i = 0; i < labels.size(); i++) {
      fields.add(Literal$.MODULE$.apply(labels.get(i)));
      fields.add(predicted((String) references.get(i), arguments, features));
    }
    return new Predictions(Seqs.seq(fields), title);
  }

  /** A call of Python, or the model itself as an expression where it is small enough. */
  Expression executed(Map plan, Expression features) {
    FeatureColumns struct = new FeatureColumns(function, features);
    List sources = (List) plan.get("columns"); // position in the struct, or the text of an expression over it
    List columns = new ArrayList();
    for (int i = 0; i < sources.size(); i++) {
      Object source = sources.get(i);
      columns.add(source instanceof String ? struct.computed((String) source) : struct.at(((Number) source).intValue()));
    }
    if (plan.get("expression") != null) {
      return struct.over((String) plan.get("expression"), (List) plan.get("names"), columns);
    }
    return ((UserDefinedPythonFunction) plan.get("python")).builder(Seqs.seq(columns));
  }
}

package foretable;

import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal$;

/** Builds registry_rows('models'): the registry at the time of the query as JSON text, for the views over it. */
public class RegistryRows extends scala.runtime.AbstractFunction1 {
  public Object apply(Object given) {
    scala.collection.immutable.Seq arguments = (scala.collection.immutable.Seq) given;
    Expression what = arguments.length() == 1 ? (Expression) arguments.apply(0) : null;
    if (what == null || !what.foldable() || what.eval(null) == null) {
      Refusal.refuse("usage: registry_rows('models'), or 'model_versions', 'model_groups', 'training_runs' or 'trials'");
    }
    return Literal$.MODULE$.apply(ModelCommand.ask("rows", String.valueOf(what.eval(null)), null).get("json"));
  }
}

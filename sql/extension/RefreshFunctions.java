package foretable;

import java.util.List;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.analysis.FunctionRegistry;
import org.apache.spark.sql.catalyst.analysis.FunctionRegistry$;
import org.apache.spark.sql.catalyst.analysis.UnresolvedFunction;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.catalyst.trees.TreeNode;
import scala.Some;

/**
 * Lets a query see the persistent SQL functions as they are now.
 *
 * A session keeps the functions that it has used; one that another session or process has replaced since, as the
 * published function of a model at a promotion, would go on with the old body and give a wrong number.
 */
public class RefreshFunctions extends Rule {
  final org.apache.spark.sql.classic.SparkSession session;

  public RefreshFunctions(SparkSession session) {
    this.session = (org.apache.spark.sql.classic.SparkSession) session;
  }

  public String ruleName() {
    return "foretable.RefreshFunctions";
  }

  public TreeNode apply(TreeNode plan) {
    visit((LogicalPlan) plan);
    return plan;
  }

  void visit(LogicalPlan plan) {
    List expressions = Seqs.list(plan.expressions());
    for (int i = 0; i < expressions.size(); i++) {
      visit((Expression) expressions.get(i));
    }
    List children = Seqs.list(plan.children());
    children.addAll(Seqs.list(plan.innerChildren())); // common table expressions
    for (int i = 0; i < children.size(); i++) {
      if (children.get(i) instanceof LogicalPlan) {
        visit((LogicalPlan) children.get(i));
      }
    }
  }

  void visit(Expression expression) {
    if (expression instanceof UnresolvedFunction) {
      forget(Seqs.list(((UnresolvedFunction) expression).nameParts()));
    }
    if (expression instanceof org.apache.spark.sql.catalyst.expressions.SubqueryExpression) {
      visit((LogicalPlan) ((org.apache.spark.sql.catalyst.expressions.SubqueryExpression) expression).plan());
    }
    List children = Seqs.list(expression.children());
    for (int i = 0; i < children.size(); i++) {
      visit((Expression) children.get(i));
    }
  }

  void forget(List parts) {
    String name = ((String) parts.get(parts.size() - 1)).toLowerCase();
    if (parts.size() == 1 && FunctionRegistry$.MODULE$.builtin().functionExists(FunctionRegistry$.MODULE$.builtinFunctionIdentifier(name))) {
      return; // most functions of most queries
    }
    String schema = parts.size() > 1 ? ((String) parts.get(parts.size() - 2)).toLowerCase()
        : session.sessionState().catalog().getCurrentDatabase();
    DefinitionFiles.syncFunction(schema, name);
    FunctionRegistry known = session.sessionState().functionRegistry();
    FunctionIdentifier identifier = new FunctionIdentifier(name, new Some(schema), new Some("spark_catalog"));
    if (known.functionExists(identifier)) {
      known.dropFunction(identifier);
    }
  }

  /** Given to SparkSessionExtensions.injectHintResolutionRule, for those rules run before functions are looked up. */
  public static class Install extends scala.runtime.AbstractFunction1 {
    public Object apply(Object session) {
      return new RefreshFunctions((SparkSession) session);
    }
  }
}

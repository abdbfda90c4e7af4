package foretable;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.PythonUDF;
import org.apache.spark.sql.catalyst.plans.logical.BaseEvalPython;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;

/** The calls of models in an optimized plan: for EXPLAIN PREDICT. */
public class PlannedCalls {
  /** "python NAME" or "expression NAME", once for each place in which the model is asked about a row. */
  public static List of(LogicalPlan plan) {
    List calls = new ArrayList();
    visit(plan, calls);
    return calls;
  }

  static void visit(LogicalPlan plan, List calls) {
    if (plan instanceof BaseEvalPython) {
      List functions = Seqs.list(((BaseEvalPython) plan).udfs());
      for (int i = 0; i < functions.size(); i++) {
        String name = ((PythonUDF) functions.get(i)).name();
        if (name.startsWith("foretable.")) {
          calls.add("python " + name);
        }
      }
    }
    List expressions = Seqs.list(plan.expressions());
    for (int i = 0; i < expressions.size(); i++) {
      visit((Expression) expressions.get(i), calls);
    }
    List plans = Seqs.list(plan.children());
    plans.addAll(Seqs.list(plan.subqueries()));
    for (int i = 0; i < plans.size(); i++) {
      visit((LogicalPlan) plans.get(i), calls);
    }
  }

  static void visit(Expression expression, List calls) {
    if (expression instanceof Prediction && ((Prediction) expression).isExpression()) {
      calls.add("expression " + ((Prediction) expression).call);
    }
    List children = Seqs.list(expression.children());
    for (int i = 0; i < children.size(); i++) {
      visit((Expression) children.get(i), calls);
    }
  }
}

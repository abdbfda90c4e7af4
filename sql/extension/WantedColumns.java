package foretable;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.catalyst.plans.logical.*;

/**
 * On which rows of a node's input does each column matter, given on which rows of its output each one does?
 *
 * A map from a column's id to a condition over the columns of the same node; a column that is not in it matters on
 * every row. Nodes that are not named here need all of their input.
 */
public class WantedColumns {
  static Map ofInput(LogicalPlan plan, Map wanted) {
    Map result = new HashMap();
    if (!isKnown(plan)) {
      return result;
    }
    LogicalPlan child = PlanTrees.onlyChild(plan);
    List columns = Seqs.list(child.output());
    for (int i = 0; i < columns.size(); i++) {
      UseCondition uses = new UseCondition((Attribute) columns.get(i));
      addUses(plan, wanted, uses);
      Expression condition = uses.condition();
      if (condition != null && condition.references().subsetOf(child.outputSet())) {
        result.put(uses.column.exprId(), condition);
      }
    }
    return result;
  }

  static boolean isKnown(LogicalPlan plan) {
    return plan instanceof Project || plan instanceof Aggregate || plan instanceof Filter || plan instanceof Sort
        || plan instanceof Window || plan instanceof GlobalLimit || plan instanceof LocalLimit;
  }

  static void addUses(LogicalPlan plan, Map wanted, UseCondition uses) {
    if (plan instanceof Project) {
      addProjectUses((Project) plan, wanted, uses);
      return;
    }
    boolean isFilter = plan instanceof Filter;
    if (!(plan instanceof Aggregate)) { // the others hand the column on
      Expression above = (Expression) wanted.get(uses.column.exprId());
      boolean dropsRows = isFilter || plan instanceof GlobalLimit || plan instanceof LocalLimit;
      // A condition from above is going to be evaluated on the rows that are dropped here, too.
      uses.add(above == null || dropsRows && !TotalExpressions.contains(above) ? null : above);
    }
    List expressions = Seqs.list(plan.expressions());
    for (int i = 0; i < expressions.size(); i++) {
      uses.addUses((Expression) expressions.get(i), null, isFilter);
    }
  }

  static void addProjectUses(Project project, Map wanted, UseCondition uses) {
    List columns = Seqs.list(project.projectList());
    for (int i = 0; i < columns.size(); i++) {
      NamedExpression column = (NamedExpression) columns.get(i);
      if (!PlanTrees.refersTo((Expression) column, uses.column)) {
        continue;
      }
      Expression above = (Expression) wanted.get(column.exprId());
      Expression below = above == null ? null : PlanTrees.throughProjection(above, columns);
      uses.addUses((Expression) column, below);
    }
  }
}

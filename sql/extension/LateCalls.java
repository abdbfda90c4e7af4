package foretable;

import java.util.List;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.catalyst.plans.logical.*;

/**
 * Rows are sorted and cut to a LIMIT before they are scored, where the order does not need the scores.
 *
 * With a LIMIT only the rows that are kept are scored. Without one each row is scored once: Spark computes what it
 * sorts twice, the first time to sample the borders of the partitions.
 */
public class LateCalls extends PlanRewrite {
  LogicalPlan rewritten(LogicalPlan node) {
    boolean isSort = node instanceof Sort && ((Sort) node).global();
    if (!isSort && !(node instanceof GlobalLimit) && !(node instanceof LocalLimit) && !(node instanceof Offset)) {
      return node;
    }
    LogicalPlan below = PlanTrees.onlyChild(node);
    List columns = Seqs.list(below.output());
    if (below instanceof Project) {
      columns = Seqs.list(((Project) below).projectList());
      below = PlanTrees.onlyChild(below);
    }
    if (!EvalNode.is(below) || !areDeterministic(columns) || !areDeterministic(new EvalNode(below).calls)) {
      return node;
    }
    EvalNode scored = new EvalNode(below);
    LogicalPlan kept = isSort ? sorted((Sort) node, columns, scored.child) : PlanTrees.withChild(node, 0, scored.child);
    return kept == null ? node : PlanTrees.project(columns, scored.withChild(rewritten(kept)));
  }

  /** The sort over the input of a projection and a node of calls; null where it sorts by an answer. */
  static LogicalPlan sorted(Sort sort, List columns, LogicalPlan input) {
    List order = Seqs.list(sort.order());
    for (int i = 0; i < order.size(); i++) {
      Expression by = PlanTrees.throughProjection((Expression) order.get(i), columns);
      if (by == null || !by.references().subsetOf(input.outputSet())) {
        return null;
      }
      order.set(i, by);
    }
    return sort.copy(Seqs.seq(order), true, input, sort.hint());
  }

  static boolean areDeterministic(List expressions) {
    for (int i = 0; i < expressions.size(); i++) {
      if (!((Expression) expressions.get(i)).deterministic()) {
        return false;
      }
    }
    return true;
  }
}

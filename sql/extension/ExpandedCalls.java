package foretable;

import java.util.List;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.catalyst.plans.logical.*;

/** GROUPING SETS, ROLLUP and CUBE copy each row for each set: it is scored before it is copied. */
public class ExpandedCalls extends PlanRewrite {
  LogicalPlan rewritten(LogicalPlan node) {
    if (!EvalNode.is(node) || !(PlanTrees.onlyChild(node) instanceof Expand)) {
      return node;
    }
    EvalNode scored = new EvalNode(node);
    Expand expand = (Expand) scored.child;
    for (int i = 0; i < scored.calls.size(); i++) {
      if (!scored.call(i).deterministic() || !copiesAlike(expand, scored.call(i))) {
        return node;
      }
    }
    List copies = Seqs.list(expand.projections());
    for (int i = 0; i < copies.size(); i++) {
      List columns = Seqs.list((scala.collection.Seq) copies.get(i));
      columns.addAll(scored.results);
      copies.set(i, Seqs.seq(columns));
    }
    LogicalPlan below = rewritten(scored.withChild(expand.child()));
    return expand.copy(Seqs.seq(copies), node.output(), below);
  }

  /** Whether every copy of a row has the row's own values in the columns that the call takes. */
  static boolean copiesAlike(Expand expand, Expression call) {
    if (!call.references().subsetOf(expand.child().outputSet())) {
      return false;
    }
    List output = Seqs.list(expand.output());
    List copies = Seqs.list(expand.projections());
    for (int i = 0; i < output.size(); i++) {
      for (int k = 0; PlanTrees.refersTo(call, (Attribute) output.get(i)) && k < copies.size(); k++) {
        Expression value = (Expression) ((scala.collection.Seq) copies.get(k)).apply(i);
        if (!value.semanticEquals((Expression) output.get(i))) {
          return false;
        }
      }
    }
    return true;
  }
}

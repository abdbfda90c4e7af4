package foretable;

import java.util.List;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;

/** A rewrite of single nodes, applied from the leaves to the root; an untouched plan comes back as the same object. */
public abstract class PlanRewrite {
  abstract LogicalPlan rewritten(LogicalPlan node);

  LogicalPlan everywhere(LogicalPlan plan) {
    if (!EvalNode.isIn(plan)) {
      return plan;
    }
    List children = PlanTrees.children(plan);
    boolean isChanged = false;
    for (int i = 0; i < children.size(); i++) {
      LogicalPlan child = everywhere((LogicalPlan) children.get(i));
      isChanged = isChanged || child != children.get(i);
      children.set(i, child);
    }
    return rewritten(isChanged ? (LogicalPlan) plan.withNewChildren(Seqs.seq(children)) : plan);
  }
}

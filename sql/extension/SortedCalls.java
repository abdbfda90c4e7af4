package foretable;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.plans.logical.*;

/**
 * ORDER BY a prediction, without LIMIT: the rows are shuffled once between the model and the sort.
 *
 * Spark reads the input of a sort over several partitions twice, first to sample the borders of its ranges. With the
 * shuffle it reads stored rows again and does not ask the model again.
 */
public class SortedCalls {
  static LogicalPlan shuffled(LogicalPlan plan) {
    return shuffled(plan, false);
  }

  static LogicalPlan shuffled(LogicalPlan plan, boolean isLimited) {
    if (!EvalNode.isIn(plan)) {
      return plan;
    }
    if (plan instanceof Sort && ((Sort) plan).global() && !isLimited && isScoredInPlace(PlanTrees.onlyChild(plan))) {
      LogicalPlan shuffle = new RepartitionByExpression(Seqs.seq(new ArrayList()), PlanTrees.onlyChild(plan),
          scala.None$.MODULE$, scala.None$.MODULE$);
      return PlanTrees.withChild(plan, 0, shuffle);
    }
    boolean keepsLimit = plan instanceof GlobalLimit || isLimited && (plan instanceof LocalLimit || plan instanceof Offset);
    List children = PlanTrees.children(plan);
    for (int i = 0; i < children.size(); i++) {
      plan = PlanTrees.withChild(plan, i, shuffled((LogicalPlan) children.get(i), keepsLimit));
    }
    return plan;
  }

  /** Whether a model of ours answers in the very stage that the sort reads. */
  static boolean isScoredInPlace(LogicalPlan plan) {
    if (EvalNode.is(plan)) {
      return ModelCalls.isAnyIn(plan);
    }
    return (plan instanceof Project || plan instanceof Filter || plan instanceof Generate)
        && isScoredInPlace(PlanTrees.onlyChild(plan));
  }
}

package foretable;

import java.util.List;
import org.apache.spark.sql.catalyst.optimizer.CollapseProject$;
import org.apache.spark.sql.catalyst.optimizer.PushPredicateThroughNonJoin$;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.trees.TreeNode;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A query asks a model about each row at most once, and only about rows whose answer it looks at.
 *
 * An optimizer rule that runs after Spark has taken the Python calls out of the expressions. Plans without a call of
 * ours are left alone, and so is every plan on which the rule fails: it makes queries cheaper, never different.
 * Off with SET foretable.score_once = false.
 */
public class ScoreOnce extends org.apache.spark.sql.catalyst.rules.Rule {
  static final String SETTING = "foretable.score_once";
  static final Logger LOG = LoggerFactory.getLogger("foretable.ScoreOnce");
  public static volatile int failures = 0; // for tests: a fallback would hide a fault

  public String ruleName() {
    return "foretable.ScoreOnce";
  }

  public TreeNode apply(TreeNode plan) {
    try {
      if (!ModelCalls.isAnyIn((LogicalPlan) plan) || "false".equalsIgnoreCase(conf().getConfString(SETTING, "true"))) {
        return plan;
      }
      LogicalPlan result = rewritten((LogicalPlan) plan);
      check((LogicalPlan) plan, result);
      return result;
    } catch (Throwable e) {
      failures++;
      LOG.warn("a query is left as Spark planned it", e);
      return plan;
    }
  }

  static LogicalPlan rewritten(LogicalPlan plan) {
    LogicalPlan placed = new GroupedCalls().everywhere(new ExpandedCalls().everywhere(plan));
    LogicalPlan once = tidied(plan, new CallReuse().everywhere(placed));
    LogicalPlan late = new LateCalls().everywhere(once);
    return SortedCalls.shuffled(tidied(plan, ScoreGuards.guarded(late)));
  }

  /** Projections in one, and the cheap filters that stood between two calls below the one that is left. */
  static LogicalPlan tidied(LogicalPlan before, LogicalPlan plan) {
    return plan == before ? plan
        : (LogicalPlan) PushPredicateThroughNonJoin$.MODULE$.apply((LogicalPlan) CollapseProject$.MODULE$.apply(plan));
  }

  /** Refuses a plan with other columns than before, or with a node that misses one. */
  static void check(LogicalPlan before, LogicalPlan after) {
    List had = Seqs.list(before.output());
    List has = Seqs.list(after.output());
    boolean isSame = had.size() == has.size();
    for (int i = 0; isSame && i < had.size(); i++) {
      isSame = PlanTrees.indexOf(has.subList(i, i + 1), (org.apache.spark.sql.catalyst.expressions.Expression) had.get(i)) == 0;
    }
    if (!isSame) {
      throw new IllegalStateException("the columns " + had + " became " + has);
    }
    checkInputs(after);
  }

  static void checkInputs(LogicalPlan plan) {
    if (EvalNode.isIn(plan) && !plan.missingInput().isEmpty()) {
      throw new IllegalStateException(plan.missingInput() + " is missing in " + plan);
    }
    List children = PlanTrees.children(plan);
    for (int i = 0; i < children.size(); i++) {
      checkInputs((LogicalPlan) children.get(i));
    }
  }
}

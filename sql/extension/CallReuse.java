package foretable;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;

/**
 * A call that is computed further down is not computed again: its column is handed up.
 *
 * Spark extracts Python calls operator by operator, so that a prediction in WHERE and again in SELECT runs twice,
 * and f(g(x)) next to g(x) runs g twice.
 */
public class CallReuse extends PlanRewrite {
  LogicalPlan rewritten(LogicalPlan node) {
    return EvalNode.is(node) ? reused(new EvalNode(node)) : node;
  }

  LogicalPlan reused(EvalNode node) {
    List calls = new ArrayList();
    List results = new ArrayList();
    List output = Seqs.list(node.child.output());
    LogicalPlan below = node.child;
    for (int i = 0; i < node.calls.size(); i++) {
      ComputedCall computed = node.call(i).deterministic() ? ComputedCall.find(below, node.call(i)) : null;
      if (computed == null) {
        calls.add(node.call(i));
        results.add(node.result(i));
        output.add(node.result(i));
      } else {
        below = computed.plan;
        output.add(PlanTrees.alias(computed.result, node.result(i)));
      }
    }
    if (calls.size() < node.calls.size()) {
      LogicalPlan rest = node.with(calls, results, below);
      return PlanTrees.project(output, calls.isEmpty() ? rest : unchained(new EvalNode(rest)));
    }
    return unchained(node);
  }

  /** The inner calls that are needed twice, or computed below, in a node of their own. */
  LogicalPlan unchained(EvalNode node) {
    List shared = new ArrayList();
    for (int i = 0; i < node.calls.size(); i++) {
      List inner = ModelCalls.callsInside(node.call(i));
      for (int k = 0; k < inner.size(); k++) {
        PythonUDF call = (PythonUDF) inner.get(k);
        if (call.deterministic() && PlanTrees.indexOf(shared, call) < 0
            && (isElsewhere(call, node, i) || ComputedCall.find(node.child, call) != null)) {
          shared.add(call);
        }
      }
    }
    if (shared.isEmpty()) {
      return node.plan;
    }
    EvalNode upper = new EvalNode(node.withInnerBelow(shared));
    return PlanTrees.withOutputOf(node.plan, upper.withChild(reused(new EvalNode(upper.child))));
  }

  static boolean isElsewhere(PythonUDF call, EvalNode node, int position) {
    for (int i = 0; i < node.calls.size(); i++) {
      if (i != position && (node.call(i).semanticEquals(call)
          || PlanTrees.indexOf(ModelCalls.callsInside(node.call(i)), call) >= 0)) {
        return true;
      }
    }
    return false;
  }
}

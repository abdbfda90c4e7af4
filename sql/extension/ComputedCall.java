package foretable;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.catalyst.plans.*;
import org.apache.spark.sql.catalyst.plans.logical.*;

/** A call that a plan computes already: the same rows, with the column that holds its result among the output. */
public class ComputedCall {
  final LogicalPlan plan;
  final Attribute result;

  ComputedCall(LogicalPlan plan, Attribute result) {
    this.plan = plan;
    this.result = result;
  }

  /** Null where no node below computes the call for exactly the rows and values that the plan hands on. */
  static ComputedCall find(LogicalPlan plan, Expression call) {
    if (!EvalNode.isIn(plan)) {
      return null;
    }
    if (plan instanceof Project) {
      return throughProject((Project) plan, call);
    }
    if (plan instanceof Union) {
      return throughUnion((Union) plan, call);
    }
    if (EvalNode.is(plan)) {
      ComputedCall here = inNode(new EvalNode(plan), call);
      if (here != null) {
        return here;
      }
    }
    List children = PlanTrees.children(plan);
    for (int i = 0; i < children.size(); i++) {
      LogicalPlan child = (LogicalPlan) children.get(i);
      if (handsOn(plan, i) && call.references().subsetOf(child.outputSet())) {
        ComputedCall below = find(child, call);
        return below == null ? null : below.above(plan, i, child);
      }
    }
    return null;
  }

  /** Whether each output row has the values of one row of that child, so that a function of them is unchanged. */
  static boolean handsOn(LogicalPlan plan, int position) {
    if (plan instanceof Join) {
      JoinType type = ((Join) plan).joinType();
      if (type instanceof InnerLike) {
        return true;
      }
      // The other side of an outer join is NULL where nothing matched, and a model may answer NULL with a number.
      return position == 0 ? type.equals(LeftOuter$.MODULE$) || type.equals(LeftSemi$.MODULE$)
              || type.equals(LeftAnti$.MODULE$) || type.equals(LeftSingle$.MODULE$) || type instanceof ExistenceJoin
          : type.equals(RightOuter$.MODULE$);
    }
    return EvalNode.is(plan) || plan instanceof Filter || plan instanceof Sort || plan instanceof GlobalLimit
        || plan instanceof LocalLimit || plan instanceof Offset || plan instanceof Window || plan instanceof WindowGroupLimit
        || plan instanceof Generate || plan instanceof RepartitionOperation || plan instanceof RebalancePartitions;
  }

  ComputedCall above(LogicalPlan parent, int position, LogicalPlan oldChild) {
    LogicalPlan child = plan;
    if (parent instanceof Generate) { // it knows the columns that it leaves out by position
      List columns = Seqs.list(oldChild.output());
      if (!oldChild.outputSet().contains(result)) {
        columns.add(result);
      }
      child = PlanTrees.project(columns, plan);
    }
    return new ComputedCall(PlanTrees.withChild(parent, position, child), result);
  }

  static ComputedCall inNode(EvalNode node, Expression call) {
    int found = PlanTrees.indexOf(node.calls, call);
    if (found >= 0) {
      return new ComputedCall(node.plan, node.result(found));
    }
    for (int i = 0; i < node.calls.size(); i++) { // inside a chain f(g(x)) that Python evaluates in one go
      if (PlanTrees.indexOf(ModelCalls.callsInside(node.call(i)), call) >= 0) {
        List inner = new ArrayList();
        inner.add(call);
        LogicalPlan split = node.withInnerBelow(inner);
        EvalNode lower = new EvalNode(PlanTrees.onlyChild(split));
        return new ComputedCall(split, lower.result(0));
      }
    }
    return null;
  }

  static ComputedCall throughProject(Project project, Expression call) {
    List columns = Seqs.list(project.projectList());
    Expression inside = PlanTrees.throughProjection(call, columns);
    ComputedCall below = inside == null ? null : find(project.child(), inside);
    if (below == null) {
      return null;
    }
    for (int i = 0; i < columns.size(); i++) {
      Object column = columns.get(i);
      if (column instanceof Alias && ((Expression) ((Alias) column).child()).semanticEquals(below.result)) {
        return new ComputedCall(PlanTrees.withChild(project, 0, below.plan), ((Alias) column).toAttribute());
      }
    }
    if (!project.outputSet().contains(below.result)) {
      columns.add(below.result);
    }
    return new ComputedCall(PlanTrees.project(columns, below.plan), below.result);
  }

  /** Only where every branch computes it: a filter on the prediction was pushed into each. */
  static ComputedCall throughUnion(Union union, Expression call) {
    List outputs = Seqs.list(union.output());
    List branches = PlanTrees.children(union);
    Attribute result = null;
    for (int i = 0; i < branches.size(); i++) {
      LogicalPlan branch = (LogicalPlan) branches.get(i);
      List columns = Seqs.list(branch.output());
      ComputedCall inBranch = find(branch, PlanTrees.replace(call, outputs, columns));
      if (inBranch == null) {
        return null;
      }
      Attribute as = PlanTrees.newAttribute(inBranch.result.name(), inBranch.result.dataType(), true);
      columns.add(PlanTrees.alias(inBranch.result, as));
      branches.set(i, PlanTrees.project(columns, inBranch.plan));
      result = i == 0 ? as : result; // a union's columns are those of its first branch
    }
    return new ComputedCall((LogicalPlan) union.withNewChildren(Seqs.seq(branches)), result);
  }
}

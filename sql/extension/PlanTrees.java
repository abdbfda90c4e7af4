package foretable;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.catalyst.plans.logical.*;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.Metadata$;

/** Small moves on Catalyst's immutable trees: children as Java lists, children exchanged, expressions replaced. */
public class PlanTrees {
  static List children(LogicalPlan plan) {
    return Seqs.list(plan.children());
  }

  static List children(Expression expression) {
    return Seqs.list(expression.children());
  }

  static LogicalPlan onlyChild(LogicalPlan plan) {
    return (LogicalPlan) plan.children().head();
  }

  static LogicalPlan withChild(LogicalPlan plan, int position, LogicalPlan child) {
    List children = children(plan);
    if (children.get(position) == child) {
      return plan;
    }
    children.set(position, child);
    return (LogicalPlan) plan.withNewChildren(Seqs.seq(children));
  }

  static LogicalPlan project(List columns, LogicalPlan child) {
    return new Project(Seqs.seq(columns), child);
  }

  /** The columns of the first plan and no other. */
  static LogicalPlan withOutputOf(LogicalPlan like, LogicalPlan plan) {
    return new Project(like.output(), plan);
  }

  static Attribute newAttribute(String name, DataType type, boolean isNullable) {
    return new AttributeReference(name, type, isNullable, Metadata$.MODULE$.empty(), NamedExpression$.MODULE$.newExprId(), Seqs.seq(new ArrayList()));
  }

  /** The value under the name and the id of an attribute that the plan above refers to. */
  static Alias alias(Expression value, Attribute as) {
    return new Alias(value, as.name(), as.exprId(), as.qualifier(), scala.None$.MODULE$, Seqs.seq(new ArrayList()));
  }

  static boolean refersTo(Expression expression, Attribute attribute) {
    return expression.references().contains(attribute);
  }

  /** Position of an expression that is semantically equal, or -1. */
  static int indexOf(List expressions, Expression expression) {
    for (int i = 0; i < expressions.size(); i++) {
      if (((Expression) expressions.get(i)).semanticEquals(expression)) {
        return i;
      }
    }
    return -1;
  }

  /** The expression with each of the parts, the outermost first, replaced by its counterpart. */
  static Expression replace(Expression expression, List parts, List counterparts) {
    int found = indexOf(parts, expression);
    if (found >= 0) {
      return (Expression) counterparts.get(found);
    }
    List children = children(expression);
    if (children.isEmpty()) {
      return expression;
    }
    for (int i = 0; i < children.size(); i++) {
      children.set(i, replace((Expression) children.get(i), parts, counterparts));
    }
    return (Expression) expression.withNewChildren(Seqs.seq(children));
  }

  /** An expression over the columns of a projection written over the projection's input; null where that cannot be. */
  static Expression throughProjection(Expression expression, List columns) {
    if (expression instanceof Attribute) {
      return source((Attribute) expression, columns);
    }
    List children = children(expression);
    if (children.isEmpty()) {
      return expression;
    }
    for (int i = 0; i < children.size(); i++) {
      Expression child = throughProjection((Expression) children.get(i), columns);
      if (child == null) {
        return null;
      }
      children.set(i, child);
    }
    return (Expression) expression.withNewChildren(Seqs.seq(children));
  }

  /** What a column of a projection is made of; null for one that is not there or gives another value each time. */
  static Expression source(Attribute attribute, List columns) {
    for (int i = 0; i < columns.size(); i++) {
      NamedExpression column = (NamedExpression) columns.get(i);
      if (!column.exprId().equals(attribute.exprId())) {
        continue;
      }
      if (column instanceof Attribute) {
        return attribute;
      }
      Expression value = column instanceof Alias ? (Expression) ((Alias) column).child() : null;
      return value != null && value.deterministic() ? value : null;
    }
    return null;
  }
}

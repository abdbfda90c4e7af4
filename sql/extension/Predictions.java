package foretable;

import org.apache.spark.sql.catalyst.expressions.CreateNamedStruct;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/**
 * The STRUCT of the answers of a model of several labels, with a name.
 *
 * To Spark it is a named_struct: a query that uses one field computes no other. title names the column where a query
 * gives no alias.
 */
public class Predictions extends CreateNamedStruct {
  public final String title;

  public Predictions(Seq children, String title) {
    super(children);
    this.title = title;
  }

  public CreateNamedStruct withNewChildrenInternal(IndexedSeq changed) {
    return new Predictions(changed, title);
  }

  public String sql() {
    return title;
  }

  public String toString() {
    return title;
  }

  public int productArity() {
    return 2;
  }

  public Object productElement(int i) {
    return i == 0 ? (Object) children() : (Object) title;
  }
}

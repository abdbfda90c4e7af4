package foretable;

import java.util.ArrayList;
import java.util.List;

/** Lists of Java as sequences of Scala, and back. */
public class Seqs {
  public static List list(scala.collection.Seq items) {
    List result = new ArrayList();
    scala.collection.Iterator each = items.iterator();
    while (each.hasNext()) {
      result.add(each.next());
    }
    return result;
  }

  public static scala.collection.immutable.Seq seq(List items) {
    scala.collection.immutable.List result = scala.collection.immutable.List$.MODULE$.empty();
    for (int i = items.size() - 1; i >= 0; i--) {
      result = result.$colon$colon(items.get(i));
    }
    return result;
  }
}

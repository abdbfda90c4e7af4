package foretable;

import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.connector.catalog.CatalogManager;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.delta.DeltaLog;
import org.apache.spark.sql.delta.Snapshot;
import org.apache.spark.sql.delta.actions.Action;
import org.apache.spark.sql.delta.actions.Action$;
import org.apache.spark.sql.delta.actions.CommitInfo;
import org.apache.spark.sql.delta.catalog.DeltaTableV2;

/** What the log of a Delta table says of its newest version and of single commits; reads a few small files, runs no job. */
public class TableLog {
  final Snapshot snapshot;

  TableLog(Snapshot snapshot) {
    this.snapshot = snapshot;
  }

  /** The log of a table as of now. */
  public static TableLog of(org.apache.spark.sql.classic.SparkSession session, String schema, String name)
      throws org.apache.spark.sql.catalyst.analysis.NoSuchTableException {
    return new TableLog(load(session, schema, name).update());
  }

  static DeltaTableV2 load(org.apache.spark.sql.classic.SparkSession session, String schema, String name)
      throws org.apache.spark.sql.catalyst.analysis.NoSuchTableException {
    CatalogManager catalogs = session.sessionState().catalogManager();
    Table table = ((TableCatalog) catalogs.v2SessionCatalog()).loadTable(LastGood.identifier(schema, name));
    if (!(table instanceof DeltaTableV2)) {
      Refusal.refuse("FORETABLE_DATA", name + " is no Delta table");
    }
    return (DeltaTableV2) table;
  }

  public long version() {
    return snapshot.version();
  }

  /** Names the table through renames; another table of the same name has another one. */
  public String id() {
    return snapshot.metadata().id();
  }

  /** The version that an application has written last by its own count; -1 where it has written none. */
  public long transaction(String application) {
    scala.Option found = snapshot.transactions().get(application);
    return found.isDefined() ? ((Long) found.get()).longValue() : -1L;
  }

  /** The newest version that one file of the log holds as a whole; -1 where there is none. */
  public long checkpointVersion() {
    return snapshot.checkpointProvider().version();
  }

  /** Writes this version, with the statistics of its files, into such a file; log files beyond their retention go. */
  public void checkpoint() {
    snapshot.deltaLog().checkpoint(snapshot, scala.Option.empty());
  }

  /** For each commit after a version, oldest first: its version, a tab, its operation, a tab, its user metadata. */
  public List commits(long after) {
    List found = new ArrayList();
    for (long version = after + 1; version <= snapshot.version(); version++) {
      CommitInfo info = commit(version);
      String user = info == null || info.userMetadata().isEmpty() ? "" : (String) info.userMetadata().get();
      found.add(version + "\t" + (info == null ? "" : info.operation()) + "\t" + user);
    }
    return found;
  }

  /** What a commit says of itself; null where its file is gone, as after the retention of the log. */
  CommitInfo commit(long version) {
    DeltaLog log = snapshot.deltaLog();
    Path file = new Path(log.logPath(), String.format("%020d.json", new Object[] {Long.valueOf(version)}));
    Configuration conf = log.newDeltaHadoopConf();
    try {
      scala.collection.Iterator lines = log.store().read(file, conf).iterator();
      while (lines.hasNext()) {
        Action action = Action$.MODULE$.fromJson((String) lines.next());
        if (action instanceof CommitInfo) {
          return (CommitInfo) action;
        }
      }
    } catch (Exception gone) {
      return null;
    }
    return null;
  }
}

package foretable;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.delta.DeltaOperations;
import org.apache.spark.sql.delta.OptimisticTransaction;
import org.apache.spark.sql.delta.Snapshot;
import org.apache.spark.sql.delta.VersionChecksum;
import org.apache.spark.sql.delta.actions.Action;
import org.apache.spark.sql.delta.actions.Action$;
import org.apache.spark.sql.delta.catalog.DeltaTableV2;

/**
 * A Delta table of few rows, whose files Python reads and writes itself: a Spark job for each question and change would
 * take longer than all of it. What is committed goes through Delta, with its check for writers that came between.
 */
public class SmallTable {
  final DeltaTableV2 table;
  final Snapshot snapshot;

  SmallTable(DeltaTableV2 table) {
    this.table = table;
    this.snapshot = table.update();
  }

  /** A table as of now. */
  public static SmallTable of(org.apache.spark.sql.classic.SparkSession session, String schema, String name)
      throws org.apache.spark.sql.catalyst.analysis.NoSuchTableException {
    SmallTable opened = new SmallTable(TableLog.load(session, schema, name));
    if (opened.snapshot.protocol().minReaderVersion() > 1) { // its files are not the whole truth
      Refusal.refuse(
          "FORETABLE_DATA",
          name + " has deletion vectors or renamed columns: ALTER TABLE " + name + " DROP FEATURE deletionVectors (or "
              + "columnMapping), and keep spark.databricks.delta.properties.defaults from adding them");
    }
    return opened;
  }

  /** The columns, as JSON. */
  public String schema() {
    return snapshot.schema().json();
  }

  /** Its files as the log tells them: Delta keeps the list of a small table beside each version. */
  public List files() {
    scala.Option checksum = snapshot.checksumOpt();
    scala.Option listed = checksum.isDefined() ? ((VersionChecksum) checksum.get()).allFiles() : checksum;
    List files = listed.isDefined() ? Seqs.list((scala.collection.Seq) listed.get()) : snapshot.allFiles().collectAsList();
    List told = new ArrayList();
    Iterator each = files.iterator();
    while (each.hasNext()) {
      told.add(((Action) each.next()).json());
    }
    return told;
  }

  /** Where a file of the log lies on this machine; empty where it lies elsewhere. */
  public String localPath(String name) throws Exception {
    URI place = path(name).toUri();
    return place.getScheme() == null || place.getScheme().equals("file") ? place.getPath() : "";
  }

  public byte[] read(String name) throws Exception {
    InputStream in = files(path(name)).open(path(name));
    try {
      return in.readAllBytes();
    } finally {
      in.close();
    }
  }

  /** Writes a new file; it belongs to the table once a commit says so. */
  public void write(String name, byte[] content) throws Exception {
    OutputStream out = files(path(name)).create(path(name), false);
    try {
      out.write(content);
    } finally {
      out.close();
    }
  }

  /** Adds and removes files, given as in the log, in one version; fails where another writer has removed one of them. */
  public long commit(List actions) {
    OptimisticTransaction transaction = table.startTransaction(new scala.Some(snapshot));
    List parsed = new ArrayList();
    Iterator each = actions.iterator();
    while (each.hasNext()) {
      parsed.add(Action$.MODULE$.fromJson((String) each.next()));
    }
    return transaction.commit(Seqs.seq(parsed), new DeltaOperations.Update(scala.Option.empty()));
  }

  private Path path(String name) throws Exception {
    return new Path(snapshot.deltaLog().dataPath(), new Path(new URI(name)));
  }

  private FileSystem files(Path path) throws IOException {
    return path.getFileSystem(snapshot.deltaLog().newDeltaHadoopConf());
  }
}

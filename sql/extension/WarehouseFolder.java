package foretable;

import java.io.File;
import java.net.URI;
import java.util.Iterator;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.catalog.CatalogDatabase;
import org.apache.spark.sql.catalyst.catalog.CatalogStorageFormat;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.catalyst.catalog.CatalogTableType;
import org.apache.spark.sql.catalyst.catalog.ExternalCatalog;
import org.apache.spark.sql.types.StructType;
import scala.None$;
import scala.Option;
import scala.Some;
import scala.collection.immutable.List$;
import scala.collection.immutable.Map$;

/** Keeps Spark's in-memory catalog equal to what lies in the warehouse folder: schemas, Delta tables, views, functions. */
public class WarehouseFolder {
  static volatile ExternalCatalog catalog;
  static volatile File root;

  /** Called once, after the session exists and before it is handed out. */
  public static void open(org.apache.spark.sql.classic.SparkSession session, String folder) {
    catalog = session.sharedState().externalCatalog().unwrapped();
    root = new File(folder);
    syncAll();
    session.sharedState().externalCatalog().addListener(new DefinitionFiles());
  }

  public static void syncAll() {
    File[] folders = root == null ? null : root.listFiles();
    if (folders == null) {
      return;
    }
    for (int i = 0; i < folders.length; i++) {
      String name = folders[i].getName();
      if (name.matches("\\w+\\.db")) {
        syncSchema(name.substring(0, name.length() - 3), folders[i]);
      }
    }
  }

  static void syncSchema(String schema, File folder) {
    adoptSchema(schema, folder);
    scala.collection.Iterator known = catalog.listTables(schema).iterator();
    while (known.hasNext()) {
      syncOne(schema, (String) known.next());
    }
    File[] entries = folder.listFiles();
    for (int i = 0; entries != null && i < entries.length; i++) {
      if (isDelta(entries[i])) {
        syncOne(schema, entries[i].getName());
      }
    }
    DefinitionFiles.restoreAll(schema);
  }

  static void adoptSchema(String schema, File folder) {
    if (!catalog.databaseExists(schema) && folder.isDirectory()) {
      catalog.createDatabase(new CatalogDatabase(schema, "", folder.toURI(), emptyMap()), true);
    }
  }

  /** Adopts or forgets one table or view; other tables are left alone. A name is never taken for a path. */
  public static synchronized void syncOne(String rawSchema, String rawName) {
    if (root == null || !rawSchema.matches("\\w+") || !rawName.matches("\\w+")) {
      return;
    }
    String schema = rawSchema.toLowerCase();
    String name = rawName.toLowerCase();
    adoptSchema(schema, new File(root, schema + ".db"));
    if (!catalog.databaseExists(schema)) {
      return;
    }
    DefinitionFiles.syncView(schema, name);
    File folder = new File(new File(root, schema + ".db"), name);
    if (!catalog.tableExists(schema, name)) {
      if (isDelta(folder)) {
        catalog.createTable(deltaTable(schema, name, folder.toURI()), true);
      }
      return;
    }
    CatalogTable table = catalog.getTable(schema, name);
    boolean isOurs = table.tableType().equals(CatalogTableType.MANAGED()) && table.provider().contains("delta")
        && lies(table.storage().locationUri(), folder);
    if (isOurs && !isDelta(folder)) {
      forget(schema, name, table.storage());
    }
  }

  /** Takes a table out of the catalog and leaves its folder: a damaged one may be mended, another process may write it. */
  static void forget(String schema, String name, CatalogStorageFormat storage) {
    CatalogTable external = table(schema, name, CatalogTableType.EXTERNAL(), storage, new StructType(), new Some("delta"),
        emptyMap(), none(), none());
    catalog.alterTable(external); // the catalog deletes the folder of a managed one
    catalog.dropTable(schema, name, true, false);
  }

  /** Compared as files: the URI of a folder ends with a slash only while the folder exists. */
  static boolean lies(Option location, File folder) {
    return location.isDefined() && new File(((URI) location.get()).getPath()).equals(folder);
  }

  /** Whether the folder's log holds a commit: a CREATE TABLE AS that runs, or was stopped, has an empty one. */
  static boolean isDelta(File folder) {
    File log = new File(folder, "_delta_log");
    if (new File(log, "00000000000000000000.json").exists()) {
      return true;
    }
    String[] names = log.list(); // the first commits go once a checkpoint holds them
    for (int i = 0; names != null && i < names.length; i++) {
      if (names[i].equals("_last_checkpoint") || names[i].matches("\\d{20}\\..+")) {
        return true;
      }
    }
    return false;
  }

  static CatalogTable deltaTable(String schema, String name, URI location) {
    CatalogStorageFormat storage = new CatalogStorageFormat(
        new Some(location), none(), none(), none(), false, emptyMap(), none());
    // Delta reads columns, comments and properties from its own log.
    return table(schema, name, CatalogTableType.MANAGED(), storage, new StructType(), new Some("delta"), emptyMap(), none(), none());
  }

  static CatalogTable table(String schema, String name, CatalogTableType type, CatalogStorageFormat storage,
      StructType columns, Option provider, scala.collection.immutable.Map properties, Option viewText, Option comment) {
    return new CatalogTable(new TableIdentifier(name, new Some(schema)), type, storage, columns, provider,
        emptyList(), none(), "", System.currentTimeMillis(), -1L, "", properties, none(), viewText, comment, none(),
        emptyList(), false, true, emptyMap(), none(), none());
  }

  static Option none() {
    return None$.MODULE$;
  }

  static scala.collection.immutable.Seq emptyList() {
    return List$.MODULE$.empty();
  }

  static scala.collection.immutable.Map emptyMap() {
    return Map$.MODULE$.empty();
  }
}

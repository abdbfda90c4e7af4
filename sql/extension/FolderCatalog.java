package foretable;

import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.delta.catalog.DeltaCatalog;

/**
 * Delta's catalog over a warehouse folder that several processes share.
 *
 * The folder is the truth: a Delta table that another process made is found when it is first asked for,
 * one that another process dropped is forgotten. So an open shell and a scheduled job need no metastore server.
 */
public class FolderCatalog extends DeltaCatalog {
  public Table loadTable(Identifier name) throws NoSuchTableException {
    String published = LastGood.tableOf(name);
    if (published != null) {
      String schema = name.namespace()[0];
      return loadTable(LastGood.identifier(schema, published), LastGood.versionOf(schema, published));
    }
    if (name.namespace().length == 1) {
      WarehouseFolder.syncOne(name.namespace()[0], name.name());
    }
    return super.loadTable(name);
  }

  public Identifier[] listTables(String[] namespace) throws org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException {
    WarehouseFolder.syncAll();
    return super.listTables(namespace);
  }
}

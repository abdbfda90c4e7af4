package foretable;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.nio.file.CopyOption;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Iterator;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.catalog.*;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;
import scala.Some;

/**
 * Persistent views and SQL functions as one JSON file each under SCHEMA.db/_definitions.
 *
 * Spark tells a listener the name after each change; the file then follows the catalog. Written aside and
 * renamed, so that another process reads an old or a new definition, never a part of one.
 */
public class DefinitionFiles implements ExternalCatalogEventListener {
  static final ObjectMapper JSON = new ObjectMapper();
  /** View file to the stamp of the text that the catalog holds, to notice what another process changed. */
  static final Map stamps = new ConcurrentHashMap();

  public void onEvent(ExternalCatalogEvent event) {
    try {
      if (event instanceof RenameTableEvent) {
        save("view", ((RenameTableEvent) event).database(), ((RenameTableEvent) event).name());
        save("view", ((RenameTableEvent) event).database(), ((RenameTableEvent) event).newName());
      } else if (event instanceof CreateTableEvent || event instanceof AlterTableEvent || event instanceof DropTableEvent) {
        save("view", ((TableEvent) event).database(), ((TableEvent) event).name());
      } else if (event instanceof CreateFunctionEvent || event instanceof AlterFunctionEvent || event instanceof DropFunctionEvent) {
        save("function", ((FunctionEvent) event).database(), ((FunctionEvent) event).name());
      }
    } catch (IOException e) {
      throw new RuntimeException("the definition could not be kept in " + WarehouseFolder.root + ": " + e.getMessage(), e);
    }
  }

  static File file(String kind, String schema, String name) {
    return new File(new File(new File(WarehouseFolder.root, schema + ".db"), "_definitions"), name + "." + kind + ".json");
  }

  static void save(String kind, String schema, String name) throws IOException {
    synchronized (WarehouseFolder.class) { // as syncOne: no other thread meets the file without its stamp
      write(kind, schema, name);
    }
  }

  static void write(String kind, String schema, String name) throws IOException {
    File file = file(kind, schema, name);
    ObjectNode definition = kind.equals("view") ? view(schema, name) : function(schema, name);
    if (definition == null) {
      Files.deleteIfExists(file.toPath());
      stamps.remove(file);
      return;
    }
    Files.createDirectories(file.getParentFile().toPath());
    File aside = new File(file.getParentFile(), "." + file.getName() + "." + UUID.randomUUID());
    JSON.writeValue(aside, definition);
    stamps.put(file, stamp(aside)); // a rename keeps it
    Files.move(aside.toPath(), file.toPath(), new CopyOption[] {StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING});
  }

  /** NULL where the catalog holds no view of that name (any longer). */
  static ObjectNode view(String schema, String name) {
    if (!WarehouseFolder.catalog.tableExists(schema, name)) {
      return null;
    }
    CatalogTable table = WarehouseFolder.catalog.getTable(schema, name);
    if (!table.tableType().equals(CatalogTableType.VIEW())) {
      return null;
    }
    ObjectNode definition = JSON.createObjectNode();
    definition.put("text", (String) table.viewText().get());
    definition.put("columns", table.schema().json());
    if (table.comment().isDefined()) {
      definition.put("comment", (String) table.comment().get());
    }
    ObjectNode properties = definition.putObject("properties");
    scala.collection.Iterator entries = table.properties().iterator();
    while (entries.hasNext()) {
      scala.Tuple2 entry = (scala.Tuple2) entries.next();
      properties.put((String) entry._1(), (String) entry._2());
    }
    return definition;
  }

  static ObjectNode function(String schema, String name) {
    if (!WarehouseFolder.catalog.functionExists(schema, name)) {
      return null;
    }
    CatalogFunction function = WarehouseFolder.catalog.getFunction(schema, name);
    ObjectNode definition = JSON.createObjectNode();
    definition.put("class", function.className());
    ArrayNode resources = definition.putArray("resources");
    scala.collection.Iterator entries = function.resources().iterator();
    while (entries.hasNext()) {
      FunctionResource resource = (FunctionResource) entries.next();
      resources.addObject().put("type", resource.resourceType().resourceType()).put("uri", resource.uri());
    }
    return definition;
  }

  static void restoreAll(String schema) {
    File[] files = file("view", schema, "x").getParentFile().listFiles();
    for (int i = 0; files != null && i < files.length; i++) {
      String name = files[i].getName();
      if (name.endsWith(".view.json") && !name.startsWith(".")) {
        WarehouseFolder.syncOne(schema, name.substring(0, name.length() - ".view.json".length()));
      } else if (name.endsWith(".function.json") && !name.startsWith(".")) {
        syncFunction(schema, name.substring(0, name.length() - ".function.json".length()));
      }
    }
  }

  /** Makes the catalog's view what its file says: another process may have made, changed or dropped it. */
  static void syncView(String schema, String name) {
    File file = file("view", schema, name);
    String found = stamp(file);
    if (found == null ? !stamps.containsKey(file) : found.equals(stamps.get(file))) {
      return;
    }
    CatalogTable view = found == null ? null : restoredView(schema, name);
    boolean isKnown = WarehouseFolder.catalog.tableExists(schema, name);
    if (isKnown && !WarehouseFolder.catalog.getTable(schema, name).tableType().equals(CatalogTableType.VIEW())) {
      return; // a table took the name
    }
    if (view == null) {
      stamps.remove(file);
      WarehouseFolder.catalog.dropTable(schema, name, true, false);
    } else {
      stamps.put(file, found);
      if (isKnown) {
        WarehouseFolder.catalog.alterTable(view);
      } else {
        WarehouseFolder.catalog.createTable(view, true);
      }
    }
  }

  /** Tells one text of a definition from the next; null where there is no file. */
  static String stamp(File file) {
    try {
      BasicFileAttributes found = Files.readAttributes(file.toPath(), BasicFileAttributes.class, new LinkOption[0]);
      return found.fileKey() + " " + found.lastModifiedTime() + " " + found.size();
    } catch (IOException e) {
      return null;
    }
  }

  /** NULL where the file is gone by now. */
  static CatalogTable restoredView(String schema, String name) {
    JsonNode definition = read("view", schema, name);
    if (definition == null) {
      return null;
    }
    scala.collection.immutable.Map properties = WarehouseFolder.emptyMap();
    Iterator entries = definition.get("properties").fields();
    while (entries.hasNext()) {
      Map.Entry entry = (Map.Entry) entries.next();
      properties = (scala.collection.immutable.Map) properties.updated(entry.getKey(), ((JsonNode) entry.getValue()).asText());
    }
    StructType columns = (StructType) DataType.fromJson(definition.get("columns").asText());
    scala.Option comment = WarehouseFolder.none();
    if (definition.has("comment")) {
      comment = new Some(definition.get("comment").asText());
    }
    CatalogStorageFormat nowhere = new CatalogStorageFormat(WarehouseFolder.none(), WarehouseFolder.none(), WarehouseFolder.none(),
        WarehouseFolder.none(), false, WarehouseFolder.emptyMap(), WarehouseFolder.none());
    return WarehouseFolder.table(schema, name, CatalogTableType.VIEW(), nowhere, columns,
        WarehouseFolder.none(), properties, new Some(definition.get("text").asText()), comment);
  }

  /** Makes the catalog's function what its file says: another process may have made, changed or dropped it. */
  static void syncFunction(String schema, String name) {
    synchronized (WarehouseFolder.class) {
      if (WarehouseFolder.root == null || !schema.matches("\\w+") || name.indexOf('/') >= 0 || !WarehouseFolder.catalog.databaseExists(schema)) {
        return;
      }
      File file = file("function", schema, name);
      String found = stamp(file);
      if (found == null ? !stamps.containsKey(file) : found.equals(stamps.get(file))) {
        return;
      }
      if (WarehouseFolder.catalog.functionExists(schema, name)) {
        WarehouseFolder.catalog.dropFunction(schema, name);
      }
      JsonNode definition = found == null ? null : read("function", schema, name);
      if (definition == null) {
        stamps.remove(file);
      } else {
        stamps.put(file, found);
        WarehouseFolder.catalog.createFunction(schema, restoredFunction(schema, name, definition));
      }
    }
  }

  static CatalogFunction restoredFunction(String schema, String name, JsonNode definition) {
    scala.collection.immutable.List resources = scala.collection.immutable.List$.MODULE$.empty();
    for (int i = definition.get("resources").size() - 1; i >= 0; i--) {
      JsonNode resource = (JsonNode) definition.get("resources").get(i);
      resources = resources.$colon$colon(new FunctionResource(
          FunctionResourceType$.MODULE$.fromString(resource.get("type").asText()), resource.get("uri").asText()));
    }
    return new CatalogFunction(new FunctionIdentifier(name, new Some(schema)), definition.get("class").asText(), resources);
  }

  static JsonNode read(String kind, String schema, String name) {
    File file = file(kind, schema, name);
    try {
      return file.isFile() ? (JsonNode) JSON.readTree(file) : null;
    } catch (IOException e) {
      throw new RuntimeException("the definition in " + file + " cannot be read; restore or delete the file", e);
    }
  }
}

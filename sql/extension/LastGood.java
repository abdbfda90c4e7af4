package foretable;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.CopyOption;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.UUID;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.connector.catalog.CatalogV2Implicits$;
import org.apache.spark.sql.connector.catalog.Identifier;

/**
 * The version of each table that jobs have published last: one small file a schema, replaced in one step, so that a
 * reader of several tables sees all of a run or nothing of it. {@code `bars@good`} is the table at that version.
 */
public class LastGood {
  static final String ENDING = "@good";
  static final String FILE = "_last_good.json";

  /** The table that a name like bars@good means; null where the name has another form. */
  static String tableOf(Identifier name) {
    String text = name.name();
    return name.namespace().length == 1 && text.endsWith(ENDING) ? text.substring(0, text.length() - ENDING.length()) : null;
  }

  /** The name of a table; Identifier.of is beyond the compiler. */
  static Identifier identifier(String schema, String table) {
    return CatalogV2Implicits$.MODULE$.MultipartIdentifierHelper(Seqs.seq(Arrays.asList(new Object[] {schema, table}))).asIdentifier();
  }

  /** The published version; 0, which is empty, where nothing of the table has been published. One query reads once. */
  static String versionOf(String schema, String table) {
    String key = schema.toLowerCase() + "/" + FILE;
    String pinned = QueryPins.pinned(key);
    if (pinned.equals(key)) {
      pinned = read(session(), schema);
      QueryPins.pin(key, pinned);
    }
    try {
      JsonNode version = new ObjectMapper().readTree(pinned).get(table.toLowerCase());
      return version == null ? "0" : version.asText();
    } catch (IOException e) {
      Refusal.refuse("FORETABLE_STORAGE", "the file " + FILE + " of schema " + schema + " is damaged: foretable doctor");
      return null;
    }
  }

  /** JSON of table to version; {} where nothing was published yet. */
  public static String read(org.apache.spark.sql.classic.SparkSession session, String schema) {
    try {
      Path file = file(session, schema);
      InputStream in = fileSystem(session, file).open(file);
      try {
        return new String(in.readAllBytes(), StandardCharsets.UTF_8);
      } finally {
        in.close();
      }
    } catch (FileNotFoundException none) {
      return "{}";
    } catch (IOException e) {
      Refusal.refuse("FORETABLE_STORAGE", "the file " + FILE + " of schema " + schema + " cannot be read: " + e.getMessage());
      return null;
    }
  }

  /** Replaces the file in one step. */
  public static void write(org.apache.spark.sql.classic.SparkSession session, String schema, String json) throws IOException {
    Path file = file(session, schema);
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    URI place = file.toUri();
    if (place.getScheme() == null || place.getScheme().equals("file")) {
      java.nio.file.Path target = Paths.get(place.getPath());
      java.nio.file.Path aside = target.resolveSibling("." + FILE + "." + UUID.randomUUID());
      Files.write(aside, bytes, new OpenOption[] {StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE,
          StandardOpenOption.SYNC});
      Files.move(aside, target, new CopyOption[] {StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING});
      return;
    }
    OutputStream out = fileSystem(session, file).create(file, true); // an object store shows the whole object or the old one
    try {
      out.write(bytes);
    } finally {
      out.close();
    }
  }

  static Path file(org.apache.spark.sql.classic.SparkSession session, String schema) {
    return new Path(new Path(session.sessionState().catalog().getDatabaseMetadata(schema).locationUri()), FILE);
  }

  static FileSystem fileSystem(org.apache.spark.sql.classic.SparkSession session, Path file) throws IOException {
    return file.getFileSystem(session.sessionState().newHadoopConf());
  }

  static org.apache.spark.sql.classic.SparkSession session() {
    return (org.apache.spark.sql.classic.SparkSession) org.apache.spark.sql.classic.SparkSession.active();
  }
}

package foretable;

import io.delta.storage.HadoopFileSystemLogStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.CopyOption;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Iterator;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * Delta commits on a local disk that no other process can overwrite.
 *
 * The stock store checks that the commit file is absent and then renames over it: two processes can both
 * pass the check, and one acknowledged commit is lost. Here the text is written aside, forced to disk and
 * then hard linked to its name, which fails in every process once the name exists.
 */
public class AtomicLocalLogStore extends HadoopFileSystemLogStore {
  public AtomicLocalLogStore(Configuration conf) {
    super(conf);
  }

  public void write(Path path, Iterator actions, Boolean overwrite, Configuration conf) throws IOException {
    java.nio.file.Path target = Paths.get(path.toUri().getPath());
    java.nio.file.Path aside = target.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID() + ".tmp");
    Files.createDirectories(target.getParent());
    try {
      writeToDisk(aside, actions);
      if (overwrite.booleanValue()) {
        Files.move(aside, target, new CopyOption[] {StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING});
      } else {
        Files.createLink(target, aside);
      }
    } catch (FileAlreadyExistsException e) {
      throw new FileAlreadyExistsException(target.toString()); // Delta reads this name and tries the next version
    } finally {
      Files.deleteIfExists(aside);
    }
  }

  /**
   * Commits are whole here, but Delta asks this for its checkpoints, which it writes past this store: where the
   * answer is yes, aside and then renamed. Else another process may find half of one and read no table from it.
   */
  public Boolean isPartialWriteVisible(Path path, Configuration conf) {
    return Boolean.TRUE;
  }

  private static void writeToDisk(java.nio.file.Path file, Iterator lines) throws IOException {
    StringBuilder text = new StringBuilder();
    while (lines.hasNext()) {
      text.append((String) lines.next()).append('\n');
    }
    ByteBuffer bytes = ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.UTF_8));
    FileChannel out = FileChannel.open(file, new OpenOption[] {StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE});
    try {
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
      out.force(true);
    } finally {
      out.close();
    }
  }
}

package foretable;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;

/**
 * Files of this machine, without a process for each: where its native library is missing, Hadoop starts chmod for every
 * file that it writes and readlink for every one that it renames.
 */
public class LocalFiles extends RawLocalFileSystem {

  public void setPermission(Path path, FsPermission permission) throws IOException {
    java.nio.file.Path file = pathToFile(path).toPath();
    if (file.getFileSystem().supportedFileAttributeViews().contains("unix")) {
      Files.setAttribute(file, "unix:mode", Integer.valueOf(permission.toShort()), new LinkOption[0]);
    } else {
      super.setPermission(path, permission);
    }
  }

  public FileStatus getFileLinkStatus(Path path) throws IOException {
    return Files.isSymbolicLink(pathToFile(path).toPath()) ? super.getFileLinkStatus(path) : getFileStatus(path);
  }
}

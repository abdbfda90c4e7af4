package foretable;

import org.apache.hadoop.fs.LocalFileSystem;

/** {@link LocalFiles} with checksums: what Hadoop calls a local file system. */
public class CheckedLocalFiles extends LocalFileSystem {

  public CheckedLocalFiles() {
    super(new LocalFiles());
  }
}

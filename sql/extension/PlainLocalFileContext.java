package foretable;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.DelegateToFileSystem;

/** {@link LocalFiles} for Hadoop's newer interface. */
public class PlainLocalFileContext extends DelegateToFileSystem {

  PlainLocalFileContext(URI uri, Configuration conf) throws IOException, URISyntaxException {
    super(uri, new LocalFiles(), conf, "file", false);
  }

  public int getUriDefaultPort() {
    return -1;
  }

  public boolean isValidName(String name) {
    return true; // of a file on this machine the operating system decides
  }
}

package foretable;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumFs;

/** {@link CheckedLocalFiles} for Hadoop's newer interface, by which Delta writes its checksums of versions. */
public class LocalFileContext extends ChecksumFs {

  public LocalFileContext(URI uri, Configuration conf) throws IOException, URISyntaxException {
    super(new PlainLocalFileContext(uri, conf));
  }
}

"""A real S3 server of the test's own, from npm: it checks signatures (version 4) and keeps objects as files."""
import os
import shutil
import subprocess
import tempfile

from harness import free_port
from npm import package

NAME, VERSION = "@20minutes/s3rver", "4.0.4"
ACCESS_KEY = SECRET_KEY = "S3RVER"  # the only account that it has
# Two of its faults are mended here. It escapes & in XML twice; and its listing with a delimiter misses folders that hold nothing but
# folders: done here from the plain listing.
SCRIPT = """const S3rver = require(process.argv[1]);
require(require.resolve('he', {paths: [process.argv[1]]})).escape = (text) => text;
const server = new S3rver({address: '127.0.0.1', port: Number(process.argv[3]), silent: true, directory: process.argv[2],
                           configureBuckets: [{name: 'state'}]});
const plain = server.store.listObjects.bind(server.store);
server.store.listObjects = async (bucket, options) => {
  if (!options.delimiter) return plain(bucket, options);
  const found = await plain(bucket, {...options, delimiter: '', maxKeys: Infinity}), prefix = options.prefix || '', folders = new Set();
  found.objects = found.objects.filter(({key}) => {
    const at = key.indexOf(options.delimiter, prefix.length);
    if (at >= 0) folders.add(key.slice(0, at + options.delimiter.length));
    return at < 0;
  });
  return {...found, commonPrefixes: [...folders].sort()};
};
server.run().then(() => console.log('ready'));"""


class S3Server:
    def __init__(self):
        self.package = package(NAME, VERSION)
        self.folder = tempfile.mkdtemp(prefix="us-s3-")
        self.port, self.process = free_port(), None
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.environment = {"S3_ACCESS_KEY": ACCESS_KEY, "S3_SECRET_KEY": SECRET_KEY}
        self.start()

    def start(self):
        words = ["node", "-e", SCRIPT, self.package, self.folder, str(self.port)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the S3 server did not start")

    def stop(self):
        self.process.kill()
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def objects(self):
        """Keys and the files that hold them."""
        root, found = os.path.join(self.folder, "state"), {}
        for folder, _, names in os.walk(root):
            for name in names:
                if name.endswith("._S3rver_object"):
                    path = os.path.join(folder, name)
                    found[os.path.relpath(path, root)[: -len("._S3rver_object")]] = path
        return found

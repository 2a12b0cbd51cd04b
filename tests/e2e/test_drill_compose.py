"""What a drill's copy of a compose project may not share with the standby, on the configuration as compose renders it: a
compose program that prints what it is given, and an engine without containers."""
import json
import os
import shutil
import sys
import tempfile
import unittest

from harness import ROOT
from plugin_driver import Plugin

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
from docker_engine import DockerEngine  # noqa: E402

FAKE = """import shutil, sys
folder, words = sys.argv[1], sys.argv[2:]
if "--services" in words:
    print("web worker".replace(" ", chr(10)))
elif "config" in words:
    shutil.copy(words[[i for i, word in enumerate(words) if word == "-f"][-1] + 1], folder + "/added")
    print(open(folder + "/rendered").read())
elif "up" in words:
    shutil.copy(words[words.index("-f") + 1], folder + "/started")
"""
# As docker compose 2 writes it.
RENDERED = """name: site-drill
services:
  web:
    container_name: the-web
    environment:
      UNDERSTUDY_STATE: {to}
    image: busybox
    networks:
      default: null
    ports:
      - mode: ingress
        target: 80
        published: "8080"
        protocol: tcp
    restart: "no"
    volumes:
      - type: bind
        source: {to}
        target: /state
        bind:
          create_host_path: true
  worker:
    image: busybox
    ports:
    - 9000:9000/tcp
    network_mode: none
networks:
  default:
    name: site-drill_default
volumes:
  cache:
    name: site-drill_cache
"""


class Copies(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="us-copy-")
        with open(self.path("compose.yml"), "w") as file:
            file.write("services: {web: {image: busybox}}\n")
        with open(self.path("fake.py"), "w") as file:
            file.write(FAKE)
        self.engine = DockerEngine(self.path("engine.sock"))
        self.plugin = None

    def tearDown(self):
        if self.plugin:
            self.plugin.close()
        self.engine.close()
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def drill(self, old="", new="", **drill):
        """The answer to a drill, and the compose file that was started, if one was."""
        with open(self.path("rendered"), "w") as file:
            file.write(RENDERED.format(to=self.path("scratch/state")).replace(old, new))
        if self.plugin:
            self.plugin.close()
        self.plugin = Plugin("docker_compose", "target", {
            "project_dir": self.folder, "project": "site", "host": "unix://" + self.path("engine.sock"), "restart": "on-failure", "started_after": 10,
            "program": ["python3", self.path("fake.py"), self.folder], "services": ["web"], "drill": drill})
        answer = self.plugin.call("drill.start/1", {
            "service": "service", "target": "target", "drill": "d1", "snapshot": "s1",
            "folders": [{"from": self.path("state"), "to": self.path("scratch/state")}]})
        if not os.path.exists(self.path("started")):
            return answer, ""
        with open(self.path("started")) as file:
            text = file.read()
        os.unlink(self.path("started"))
        return answer, text

    def refused(self, old, new, why, **drill):
        answer, started = self.drill(old, new, **drill)
        self.assertEqual(started, "")
        self.assertIn(why, json.dumps(answer))

    def test_ports_and_container_names_are_taken_out_and_nothing_else(self):
        _, started = self.drill()
        kept = RENDERED.format(to=self.path("scratch/state"))
        for gone in ("    container_name: the-web\n", '    ports:\n      - mode: ingress\n        target: 80\n        published: "8080"\n        protocol: tcp\n', "    ports:\n    - 9000:9000/tcp\n"):
            self.assertIn(gone, kept)
            kept = kept.replace(gone, "")
        self.assertEqual(started.strip(), kept.strip())

    def test_they_are_kept_when_the_settings_say_so(self):
        _, started = self.drill("network_mode: none", "network_mode: host", ports=True)
        self.assertIn("published", started)
        self.assertNotIn("container_name", started)

    def test_what_would_be_shared_is_refused_before_anything_is_started(self):
        self.refused("network_mode: none", "network_mode: host", "the host's network (service worker)")
        self.refused("name: site-drill_cache", "name: the-cache", "the volume cache")
        self.refused("name: site-drill_cache", "external: true", "the volume cache", ports=True)
        self.refused("name: site-drill_default", "external: true\n    name: front", "the network default")
        self.refused(f"source: {self.path('scratch/state')}", f"source: {self.path('state')}", "the state in")
        self.refused(f"source: {self.path('scratch/state')}", "source: state", "the state in")

    def test_a_folder_of_the_host_is_shared_only_when_the_settings_say_so(self):
        """Two databases on the same files would ruin them, whichever service of the project it is."""
        worker = "  worker:\n    image: busybox\n"
        bind = worker + "    volumes:\n      - type: bind\n        source: /srv/pg\n        target: /data\n"
        short = worker + "    volumes:\n    - /srv/pg:/data:{}\n"
        self.refused(worker, bind, "/srv/pg (service worker)")
        self.refused(worker, short.format("rw"), "/srv/pg (service worker)")
        for new, drill in ((bind + "        read_only: true\n", {}), (short.format("ro"), {}), (bind, {"shared": ["/srv/pg"]}), (short.format("rw"), {"shared": ["/srv/"]}),
                           (bind.replace("/srv/pg", self.path("scratch/state/deep")), {}), (bind.replace("type: bind", "type: volume"), {})):
            answer, started = self.drill(worker, new, **drill)
            self.assertIn("/data", started, answer)
        self.refused(worker, bind, "/srv/pg (service worker)", shared=["/srv/p"])
        self.refused(worker, bind, "/srv/pg (service worker)", shared=[""])
        device = "    name: site-drill_cache\n    driver_opts:\n      type: none\n      o: bind\n      device: /srv/pg\n"
        self.refused("    name: site-drill_cache\n", device, "/srv/pg (volume cache)")
        self.assertIn("device", self.drill("    name: site-drill_cache\n", device, shared=["/srv/pg"])[1])

    def test_each_of_its_containers_is_told_that_it_is_a_drill(self):
        """Also those that are only depended on."""
        self.drill()
        with open(self.path("added")) as file:
            services = json.load(file)["services"]
        self.assertEqual({"web", "worker"}, set(services))
        for one in services.values():
            self.assertEqual(("d1", "0", "no"), (one["environment"]["UNDERSTUDY_DRILL"], one["environment"]["UNDERSTUDY_EPOCH"], one["restart"]))


if __name__ == "__main__":
    unittest.main()

"""The image in Docker beside a bare agent in the same image. Takes the images that tests/e2e/engine.py makes."""

import http.client
import time

import engine
import image_test
import tools
import world as e2e
from book import OURS, interleaved
from stage import FULL_SYNC, SERVICE, until

ADDRESS = "10.77.0.200"
BARE = "bare agent in the same image"
MS = 1000


def image(stage):
    """`docker run` to the node's service in the catalog, and `docker stop`."""
    starts = stage.book.measure("docker run to service in the server's catalog", "ms", 0)
    stops = stage.book.measure("docker stop", "ms", 0)
    added = stage.book.measure("added to the image", "bytes", 0)
    stage.server.process.kill()
    stage.server.process.wait()
    with image_test.Nodes(stage.world) as nodes:
        catalog = type(stage.catalog)(nodes.server)

        def with_lictor(name):
            nodes.run(name, "--ip", ADDRESS)

        def bare(name):
            agent = ["agent", f"-node={name}", "-client=0.0.0.0", f"-bind={ADDRESS}", "-data-dir=/consul/data"]
            agent += [f"-retry-join={e2e.SERVER_ADDRESS}", "-retry-interval=1s", "-hcl=disable_update_check = true"]
            container = ["-d", "--name", name, "--network", "lt", "--ip", ADDRESS, "--entrypoint", "consul"]
            nodes.docker("run", *container, engine.LICTOR, *agent)
            until(lambda: len(api("GET", "/v1/status/leader")) > 4)
            api("PUT", "/v1/agent/service/register", {"Name": SERVICE, "Address": ADDRESS, "Port": 8500})

        ways = {OURS: with_lictor, BARE: bare}
        for number, (who, run) in enumerate(interleaved(stage.rounds, ways)):
            name = f"container-{number}"
            began = time.monotonic()
            run(name)
            starts.add(who, MS * (catalog.shows(name) - began))
            time.sleep(FULL_SYNC)
            began = time.monotonic()
            nodes.docker("stop", name)
            stops.add(who, MS * (time.monotonic() - began))
            nodes.docker("rm", "-v", name)
        added.add(OURS, int(nodes.engine.inspect("lictor-binary", "{{.Size}}")))
    added.limit(OURS, "3 MB", 3e6)


def api(method, target, body=None):
    return tools.exchange(http.client.HTTPConnection(ADDRESS, 8500, timeout=1), method, target, body).text

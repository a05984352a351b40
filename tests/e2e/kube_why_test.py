"""Why a pod is stopped: lictor-kubernetes against a stand-in for the API that answers as a real Kubernetes was seen to."""

import json
import os
import re
import socket
import struct
import subprocess
import time

import roots
from control_test import inside
from kubernetes_stand_in import (
    ACCOUNT,
    DAEMONSET,
    NODE,
    PATHS,
    POD,
    SPACE,
    TOKEN,
    ApiStandIn,
    Authority,
    DnsStandIn,
    answer,
    changed,
    objects,
    write_account,
)
from systemd_stop_test import session, session_lives
from tools import Watch, eventually
from world import LEFT, run

# A program that hangs is what is looked for; one that is slow on a busy machine is not.
HANGS = 10


def program(world):
    found = os.path.join(os.path.dirname(world.lictor), "lictor-kubernetes")
    assert os.access(found, os.X_OK), f"{found}: not there; build lictor_kubernetes"
    return found


def ask(world, port, *words, host="127.0.0.1", **more):
    """What lictor-kubernetes says in a pod of the stand-in; `more`: variables, None takes one out."""
    variables = {
        "KUBERNETES_SERVICE_HOST": host,
        "KUBERNETES_SERVICE_PORT": str(port),
        "POD_NAME": POD,
        "POD_NAMESPACE": SPACE,
        "NODE_NAME": NODE,
        # Nobody listens there, and nobody is to be asked there.
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "https_proxy": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
        **more,
    }
    environment = {name: value for name, value in variables.items() if value is not None}
    done = subprocess.run([program(world), *words], capture_output=True, text=True, timeout=HANGS, env=environment, check=False)
    assert done.returncode == 0 and not done.stderr, done
    assert done.stdout.endswith("\n") and done.stdout.count("\n") == 1, done.stdout
    said = json.loads(done.stdout)
    assert set(said) - {"grace"} == {"known", "leave", "evidence"} and said["evidence"], said
    assert TOKEN not in done.stdout
    return said


# ---- the rows


def deleted(grace=45):
    def change(one):
        one["metadata"] |= {"deletionTimestamp": "2026-11-28T09:00:00Z", "deletionGracePeriodSeconds": grace}

    return change


def going(one):
    one["metadata"]["deletionTimestamp"] = "2026-11-28T09:00:00Z"


def new_template(one):
    one["metadata"]["annotations"]["deprecated.daemonset.template.generation"] = "4"


def tainted(key):
    def change(one):
        one["spec"]["taints"] = [{"key": key, "effect": "NoSchedule"}]

    return change


def cordoned(one):
    one["spec"] = {"unschedulable": True, "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}


def not_ready(one):
    said = {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "node is shutting down"}
    one["status"]["conditions"][-1] = said


def terminating(one):
    going(one)
    one["status"]["phase"] = "Terminating"


REFUSED = {kind: 401 for kind in PATHS}
ROWS = [  # event; what the API says otherwise; leave; words of the evidence; grace
    ("rollout restart, image, undo", {"pod": deleted(), "daemonset": new_template}, False, "template has changed", 45),
    ("delete pod", {"pod": deleted()}, False, "being deleted, and its DaemonSet", 45),
    ("delete pod --force", {"pod": 404}, False, "by force", 2),
    ("cordon, then rollout", {"pod": deleted(), "node": cordoned, "daemonset": new_template}, False, "template has changed", 45),
    ("delete node", REFUSED, True, "401", 2),
    ("delete node, the token not yet void", {"pod": deleted(), "node": 404}, True, "node is gone", 2),
    ("node with a finalizer deleted", {"pod": deleted(), "node": going}, True, "node is being deleted", 45),
    ("autoscaler", {"pod": deleted(), "node": tainted("ToBeDeletedByClusterAutoscaler")}, True, "cluster autoscaler", 45),
    ("karpenter", {"pod": deleted(30), "node": tainted("karpenter.sh/disrupted")}, True, "Karpenter", 30),
    ("DaemonSet deleted", {"pod": deleted(), "daemonset": 404}, True, "DaemonSet is gone", 45),
    ("DaemonSet deleted, foreground", {"pod": deleted(), "daemonset": going}, True, "DaemonSet is being deleted", 45),
    ("namespace deleted", {"pod": deleted(), "namespace": terminating}, True, "namespace is being deleted", 45),
    ("graceful node shutdown", {"node": not_ready}, True, "shutting down", 10),
    ("liveness failed", {}, False, "only the container", 45),
]


def kube_why_rows(world):
    """Each event that a real Kubernetes was seen to answer about is told by its answers alone; a proxy is never asked."""
    authority = Authority(world.folder, "cluster")
    write_account(authority.certificate)
    for event, parts, leave, evidence, grace in ROWS:
        with ApiStandIn(authority.issue("api", "DNS:kubernetes,IP:10.96.0.1,IP:127.0.0.1")) as api:
            api.answers = changed(**parts)
            said = ask(world, api.port, "--within", "2000")
            assert (said["known"], said["leave"], said.get("grace")) == (True, leave, grace), (event, said)
            assert evidence in said["evidence"], (event, said)
            asked = dict(api.asked)
            assert set(asked) <= set(PATHS.values()) and (leave or len(asked) == 4), "one word is enough to leave, not to stay"
            for path, headers in asked.items():
                assert headers["Authorization"] == f"Bearer {TOKEN}", headers
                whole = path in (PATHS["pod"], PATHS["node"])
                assert ("as=PartialObjectMetadata" in headers["Accept"]) == (not whole), headers
                assert headers["Accept"].endswith("application/json"), "a server that has no partial answer gives the whole"


def kube_why_stops(world):
    """lictor asks it at its stop: the node stays in the catalog over a rollout, and leaves in the time that a deleted node has."""
    server, client = world.server(), world.client()
    authority = Authority(world.folder, "cluster")
    write_account(authority.certificate)
    with inside(client.namespace):
        api = ApiStandIn(authority.issue("api", "IP:127.0.0.1"))
    with api:
        client.environment |= {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(api.port),
            "POD_NAME": POD,
            "POD_NAMESPACE": SPACE,
            "NODE_NAME": NODE,
        }
        client.settings["node"]["name"] = "n1"
        client.write_settings()
        client.start().ready()
        entry, held = server.node("n1"), session(server)
        api.answers = changed(pod=deleted(), daemonset=new_template)
        with Watch(lambda: "n1" in server.instances()) as watch:
            assert client.stop()[0] == 0, client.last_line()
            client.start().ready()
        assert "stopping: the node stays in the catalog policy=auto" in client.log and "template has changed" in client.log
        assert watch.looks > 5 and not watch.gaps, watch.gaps
        assert server.node("n1") == entry and session_lives(server, held), "no change at all"
        api.answers = changed(**REFUSED)
        # The agent's full sync is over then, and its gossip has met the server's: nothing but the leave takes time.
        eventually(lambda: client.status()["agent"]["uptime"] > 4, 10, "synced")
        code, took = client.stop()
        assert code == 0 and server.member("n1") == LEFT and server.node("n1") is None, client.last_line()
        assert "stopping: the node leaves the cluster policy=auto" in client.log and "401" in client.log, client.log
        print(f"left in {took:.2f} s")


def kube_why_other_names(world):
    """Which node and which DaemonSet it is, the pod says: a node that is called otherwise in Consul, and a pod of no DaemonSet."""
    authority = Authority(world.folder, "cluster")
    write_account(authority.certificate)
    with ApiStandIn(authority.issue("api", "IP:127.0.0.1")) as api:
        for name in ("web-1", None):  # none: the chart with nodeName: false
            api.answers = changed(pod=deleted())
            said = ask(world, api.port, "--within", "2000", NODE_NAME=name)
            assert said["known"] and not said["leave"], said
            api.answers = changed(pod=deleted(), node=going)
            said = ask(world, api.port, "--within", "2000", NODE_NAME=name)
            assert said["known"] and said["leave"] and "node is being deleted" in said["evidence"], said

        def of_statefulset(one):
            deleted()(one)
            one["metadata"]["ownerReferences"][0]["kind"] = "StatefulSet"

        api.answers = changed(pod=of_statefulset)
        said = ask(world, api.port, "--within", "2000", POD_NAMESPACE=None)
        assert said["known"] and said["leave"] and "no DaemonSet" in said["evidence"], said


def kube_why_late_shutdown(world):
    """A kubelet that shuts down may tell the API only while it ends the pod: the node is asked again."""
    authority = Authority(world.folder, "cluster")
    write_account(authority.certificate)
    with ApiStandIn(authority.issue("api", "IP:127.0.0.1")) as api:
        first, later = answer(200, objects()["node"]), answer(200, changed(node=not_ready)["node"])

        def node(connection):
            asked = [path for path, _ in api.asked].count(PATHS["node"])
            connection.sendall(first if asked == 1 else later)
            return True

        api.answers["node"] = node
        said = ask(world, api.port, "--within", "2000")
        assert said["known"] and said["leave"] and "shutting down" in said["evidence"] and said["grace"] == 10, said


# ---- what goes wrong


def reset(connection):
    """Ends the connection by RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hundred_megabytes(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    for _ in range(100):
        connection.sendall(piece)


ANSWERS = [  # what; the node's answer; words of the evidence
    ("no rights", 403, "may not get its node (403)"),
    ("an error", 500, "answers 500"),
    ("unavailable", 503, "answers 503"),
    ("a page", lambda to: to.sendall(answer(200, b"<html>Welcome</html>", "text/html")), "no JSON"),
    ("a page for 404", lambda to: to.sendall(answer(404, b"<html>Nothing here</html>", "text/html")), "not Kubernetes's (404)"),
    ("elsewhere", lambda to: to.sendall(b"HTTP/1.1 302 Found\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n"), "answers 302"),
    ("nothing in it", lambda to: to.sendall(answer(200, {})), "without the fields"),
    ("not the fields", lambda to: to.sendall(answer(200, {"metadata": {"name": NODE}, "status": []})), "without the fields"),
    ("another's", lambda to: to.sendall(answer(200, changed(node=lambda one: one["metadata"].update(name="x"))["node"])), "without the fields"),
    ("a list", lambda to: to.sendall(answer(200, [1, "x"])), "without the fields"),
    ("100 MB announced", lambda to: to.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n{"), "more than 1 MiB"),
    ("100 MB", hundred_megabytes, "more than 1 MiB"),
    ("cut off", lambda to: to.sendall(answer(200, objects()["node"])[:-100]), "cut off about the node"),
    ("closed", lambda to: None, "closes the connection"),
    ("reset", reset, "the connection"),
    ("no HTTP", lambda to: to.sendall(b"220 mail.example.com ESMTP\r\n\r\n"), "no HTTP about the node"),
]


def kube_why_bad_answers(world):
    """What an API must not answer is a leave that says which, and one that says nothing is one in time."""
    authority = Authority(world.folder, "cluster")
    write_account(authority.certificate)
    with ApiStandIn(authority.issue("api", "IP:127.0.0.1")) as api:
        for what, node, evidence in ANSWERS:
            api.answers = changed(pod=deleted()) | {"node": node}
            said = ask(world, api.port, "--within", "2000")
            assert (said["known"], said["leave"]) == (False, True) and evidence in said["evidence"], (what, said)
            assert said["grace"] == 45, "what the pod said holds"
        api.answers = changed(pod=deleted(), namespace=403)
        said = ask(world, api.port, "--within", "2000")
        assert said["known"] and not said["leave"], ("a namespace that may not be read", said)

        # As where a proxy closes after each answer.
        api.keeps, api.answers = False, changed(pod=deleted())
        api.asked.clear()
        said = ask(world, api.port, "--within", "2000")
        assert said["known"] and not said["leave"] and len(api.asked) == 4, said
        api.keeps = True

        api.answers = changed(pod=deleted()) | {"node": api.hang}
        began = time.monotonic()
        said = ask(world, api.port)
        print(f"an API that is mute about the node: {1000 * (time.monotonic() - began):.0f} ms")
        assert (said["known"], said["leave"]) == (False, True) and "in time about the node" in said["evidence"], said
        # What it has said already is enough.
        api.answers = changed(pod=deleted(), node=tainted("karpenter.sh/disrupted")) | {"namespace": api.hang, "daemonset": api.hang}
        said = ask(world, api.port, "--within", "5000")
        assert said["known"] and said["leave"] and "Karpenter" in said["evidence"], said


def kube_why_no_connection(world):
    """Before an answer: nobody listens, no TLS, a certificate of another authority, for another name or of another day."""
    authority, other = Authority(world.folder, "cluster"), Authority(world.folder, "proxy")
    write_account(authority.certificate)

    def told(api, evidence, *words, **more):
        said = ask(world, api.port, *words, **more)
        assert (said["known"], said["leave"]) == (False, True) and evidence in said["evidence"], (evidence, said)
        assert not api.asked, "no token for a server that is not known"

    with ApiStandIn(other.issue("impostor", "IP:127.0.0.1")) as api:
        told(api, "by an authority that ca.crt does not have", "--within", "2000")
    with ApiStandIn(authority.issue("elsewhere", "DNS:127.0.0.1,DNS:kubernetes,IP:10.96.0.1")) as api:
        told(api, "not for 127.0.0.1", "--within", "2000")
    good = authority.issue("api", "IP:127.0.0.1")
    with ApiStandIn(good) as api:
        for before_tls, evidence in (
            (lambda bare: bare.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\nThis is a TLS port, or is it?"), "TLS with the API"),
            (reset, "reset"),
            (lambda bare: bare.recv(65536), "closes the connection"),
            (api.hang, "in time"),
        ):
            api.before_tls = before_tls
            told(api, evidence, *([] if before_tls == api.hang else ["--within", "2000"]))
        said = ask(world, 1, "--within", "2000")
        assert (said["known"], said["leave"]) == (False, True) and "Connection refused" in said["evidence"], said
    with ApiStandIn(authority.issue("old", "IP:127.0.0.1", then="-9d")) as api:
        told(api, "not valid at this host's time", "--within", "2000")
    said = ask(world, 443, host="192.0.2.1")  # no route
    assert (said["known"], said["leave"]) == (False, True) and "no connection" in said["evidence"], said


def kube_why_account(world):
    """Token and certificates are read anew each time; what is wrong with them is said, and leaves."""
    authority, next_one = Authority(world.folder, "cluster"), Authority(world.folder, "next")
    with ApiStandIn(authority.issue("api", "IP:127.0.0.1")) as api:
        api.answers = changed(pod=deleted())

        def told(evidence, **more):
            said = ask(world, api.port, "--within", "2000", **more)
            assert (said["known"], said["leave"]) == (False, True) and evidence in said["evidence"], (evidence, said)

        told("serviceaccount/token: No such file")
        for token, evidence in (("", "token is empty"), ("\n", "token is empty"), ("two\nlines", "is no token")):
            write_account(authority.certificate, token)
            told(evidence)
        for certificates, evidence in (("", "ca.crt is empty"), ("nothing", "holds no certificate"), ("x" * 2_000_000, "too large")):
            write_account(certificates)
            told(evidence)
        os.remove(f"{ACCOUNT}/ca.crt")
        told("ca.crt: No such file")
        assert not api.asked

        for certificates, token in ((authority.certificate, "first"), (next_one.certificate + authority.certificate, "second")):
            write_account(certificates, token + "\n")
            said = ask(world, api.port, "--within", "2000")
            assert said["known"] and not said["leave"], said
            assert {headers["Authorization"] for _, headers in api.asked} == {f"Bearer {token}"}
            api.asked.clear()
        write_account(next_one.certificate)
        told("by an authority that ca.crt does not have")

        told("KUBERNETES_SERVICE_HOST is not set", KUBERNETES_SERVICE_HOST=None)
        told("POD_NAME is not set", POD_NAME=None)
        os.remove(f"{ACCOUNT}/namespace")
        told("which namespace", POD_NAMESPACE=None)


def kube_why_dns(world):
    """An API server by name is found by the pod's DNS, within the same time; by an IPv6 address it is reached as well."""
    authority = Authority(world.folder, "cluster")
    write_account(authority.certificate)
    with open(f"{world.folder}/resolv.conf", "w") as file:
        file.write("search consul.svc.cluster.local svc.cluster.local cluster.local\nnameserver 127.0.0.1\noptions ndots:5\n")
    run("mount", "--bind", f"{world.folder}/resolv.conf", "/etc/resolv.conf")
    name, mute = "abc.hcp.region.example.com", "mute.example.com"
    dns = DnsStandIn({name: "127.0.0.1", "kubernetes.svc.cluster.local": "127.0.0.1"}, [mute])
    with ApiStandIn(authority.issue("api", f"DNS:{name},DNS:kubernetes")) as api:
        api.answers = changed(pod=deleted())
        said = ask(world, api.port, "--within", "2000", host=name)
        assert said["known"] and not said["leave"], said
        assert dns.asked == [name], "no query for what the search list makes of a whole name"
        said = ask(world, api.port, "--within", "2000", host="kubernetes")
        assert said["known"] and not said["leave"], said
        for host, evidence in ((mute, f"in time for {mute}"), ("no.example.com", "DNS has no address for no.example.com")):
            said = ask(world, api.port, host=host)
            assert (said["known"], said["leave"]) == (False, True) and evidence in said["evidence"], said
    with ApiStandIn(authority.issue("api6", "IP:::1"), "::1") as api:
        api.answers = changed(pod=deleted())
        said = ask(world, api.port, "--within", "2000", host="::1")
        assert said["known"] and not said["leave"], said
        assert dict(api.asked)[PATHS["node"]]["Host"] == f"[::1]:{api.port}", api.asked


def kube_why_page(world):
    """The page on Kubernetes names the taints that count, and no others."""
    source = roots.FOLDER.parents[1]
    known = re.findall(r'RemovalTaint\{"([^"]+)"', (source / "lib/kubernetes/inquiry.hpp").read_text())
    table = (source / "docs/kubernetes.md").read_text().split("| taint | set by |\n")[1].split("\n\n")[0]
    told = [key for row in table.splitlines()[1:] for key in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert len(known) > 5 and sorted(told) == sorted(known), set(told) ^ set(known)


def kube_why_usage(world):
    """Wrong use ends with 64 and says what is right; help and version are there."""

    def told(*words):
        return subprocess.run([program(world), *words], capture_output=True, text=True, timeout=HANGS, env={}, check=False)

    for words, why in (
        (["--with", "1"], 'unknown argument "--with"'),
        (["now"], 'unknown argument "now"'),
        (["--within"], "names no time"),
        (["--within", "soon"], '--within "soon" is no number'),
        (["--within=0"], '--within "0" is no number'),
        (["--within", "60001"], "is no number of milliseconds from 1 to 60000"),
    ):
        done = told(*words)
        assert done.returncode == 64 and not done.stdout, done
        assert done.stderr.startswith("lictor-kubernetes: usage: ") and why in done.stderr and "; " in done.stderr, done
    assert "--within MILLISECONDS" in told("--help").stdout and told("-h").returncode == 0
    version = subprocess.run([world.lictor, "version"], capture_output=True, text=True, check=True).stdout.split()[1]
    assert told("--version").stdout == f"lictor-kubernetes {version}\n"
    said = json.loads(told("--within=200").stdout)
    assert (said["known"], said["leave"]) == (False, True) and DAEMONSET not in said["evidence"], said

#!/usr/bin/env node
// Breaks the manifests one way at a time and asks check.js for the finding: a check that lets one of these pass proves
// nothing.    mutants.js [--modules FOLDER]
'use strict';
const fs = require('fs');
const os = require('os');
const path = require('path');
const {Schemas, check} = require('./check.js');

const SOURCE = path.resolve(__dirname, '../..');
const MANIFESTS = path.join(SOURCE, 'config/kubernetes');

// File, what is replaced (every time it is there), by what, and what must be found.
const MUTANTS = [
  ['base/daemonset.yaml', 'hostNetwork:', 'hostNetworks:', /must NOT have additional properties: hostNetworks/],
  ['base/daemonset.yaml', 'terminationGracePeriodSeconds: 30', 'terminationGracePeriodSeconds: "30"',
    /terminationGracePeriodSeconds: must be integer/],
  ['base/daemonset.yaml', 'memory: 512Mi', 'memory: 512MB', /memory: must match format "quantity"/],
  ['base/daemonset.yaml', 'kind: DaemonSet', 'kind: DaemonSets', /no such kind/],
  ['base/daemonset.yaml', 'apiVersion: apps/v1', 'apiVersion: apps/v2', /no such kind/],
  ['base/daemonset.yaml',
    '    matchLabels:\n      app.kubernetes.io/name: lictor', '    matchLabels:\n      app.kubernetes.io/name: liktor',
    /spec.selector wants app.kubernetes.io\/name: liktor, the pod has lictor/],
  ['examples/script/daemonset.yaml', '        commponent: client\n    spec', '        component: client\n    spec',
    /spec.selector wants commponent/],
  ['base/daemonset.yaml', '            - name: run\n', '            - name: runs\n', /no volume runs for/],
  ['base/daemonset.yaml', '- {name: probes,', '- {name: probe,', /livenessProbe: no port probes/],
  ['base/daemonset.yaml', 'containerPort: 8555', 'containerPort: 8556', /readinessProbe does not ask 127.0.0.1:8555/],
  ['base/daemonset.yaml', 'host: 127.0.0.1, ', '', /startupProbe does not ask 127.0.0.1:8555/],
  ['base/daemonset.yaml', 'path: /readyz', 'path: /livez', /readinessProbe asks \/livez/],
  ['base/daemonset.yaml',
    '          configMap:\n            name: lictor', '          configMap:\n            name: lictors',
    /no ConfigMap lictors in consul/],
  ['base/configmap.yaml', 'namespace: consul', 'namespace: default', /no ConfigMap lictor in consul/],
  ['examples/script/daemonset.yaml', 'key: lictor.json', 'key: lictor.yaml', /no key lictor.yaml/],
  ['base/configmap.yaml', '"25s"', '"30s"', /terminationGracePeriodSeconds 30 is not longer than stop.timeout, 30 s/],
  ['examples/script/daemonset.yaml', 'value: 25s', 'value: 1m', /is not longer than stop.timeout, 60 s/],
  ['base/daemonset.yaml', 'value: 30s', 'value: 45s', /LICTOR_GRACE says 45 s, terminationGracePeriodSeconds 30/],
  ['base/configmap.yaml', '"stop": {"timeout"', '"stop": {"timeouts"', /lictor.json: \/stop: .*: timeouts/],
  ['base/configmap.yaml', '"25s"', '"25 s"', /lictor.json: \/stop\/timeout: must match pattern/],
  ['base/configmap.yaml', '"datacenter": "dc1",', '"datacenter": "dc1"', /lictor.json: .*JSON/],
  ['base/daemonset.yaml', 'mountPath: /etc/lictor\n', 'mountPath: /etc/lictor\n              subPath: x\n',
    /by subPath/],
  ['base/daemonset.yaml',
    '          resources:\n', '          lifecycle: {preStop: {exec: {command: [leave]}}}\n          resources:\n',
    /lifecycle hooks/],
  ['base/daemonset.yaml', 'ClusterFirstWithHostNet', 'ClusterFirst', /dnsPolicy/],
  ['base/daemonset.yaml', '            type: DirectoryOrCreate', '            type: Directory',
    /no hostPath for the data directory/],
  ['base/daemonset.yaml', 'LICTOR_NODE_DATA_DIR', 'CONSUL_DATA_DIR', /no hostPath .* \/consul\/data/],
  ['base/daemonset.yaml', 'drop: ["ALL"]', 'drop: ["NET_RAW"]', /not all capabilities are dropped/],
  ['base/daemonset.yaml', 'type: RuntimeDefault', 'type: Unconfined', /all system calls are allowed/],
  ['base/kustomization.yaml', '- configmap.yaml', '- settings.yaml', /names settings.yaml, which is not there/],
  ['daemonset.yaml', 'nodeSelector:', 'nodeSelectors:', /additional properties: nodeSelectors/],
  ['examples/business.yaml', '$(HOST_IP)', '$(HOSTIP)', /env CONSUL_HTTP_ADDR: HOSTIP is not defined above it/],
  ['examples/business.yaml', 'kind: Namespace\nmetadata:\n  name: prod', 'kind: Namespace\nmetadata:\n  name: test',
    /Deployment business: no Namespace prod-platform beside it/],
  ['examples/business.yaml', 'runAsNonRoot: true', 'runAsNonRoot: false', /restricted: business may run as root/],
  ['examples/business.yaml', 'type: RuntimeDefault', 'type: Unconfined', /restricted: business may make all system calls/],
  ['examples/business.yaml', 'allowPrivilegeEscalation: false', 'allowPrivilegeEscalation: true', /restricted: business may gain privileges/],
  ['examples/business.yaml', '            capabilities:\n              drop: ["ALL"]\n', '',
    /restricted: business has capabilities/],
  ['base/daemonset.yaml', 'serviceAccountName: lictor', 'serviceAccountName: liktor', /no ServiceAccount liktor in consul/],
  ['base/daemonset.yaml', 'fieldPath: metadata.name\n', 'fieldPath: spec.nodeName\n', /POD_NAME is not metadata.name/],
  ['base/rolebinding.yaml', '  - kind: ServiceAccount\n    name: lictor', '  - kind: ServiceAccount\n    name: default', /may not get its pods/],
  ['base/role.yaml', 'resourceNames: [lictor]', 'resourceNames: [consul]', /may not get its daemonsets/],
  ['base/role.yaml', 'resources: [namespaces]', 'resources: [services]', /may not get its namespaces/],
  ['base/role.yaml', 'resources: [pods]\n    verbs: [get]', 'resources: [pods]\n    verbs: [get, list]', /may do more than get/],
  ['base/clusterrole.yaml', 'resources: [nodes]', 'resources: [nodes, secrets]', /may get more than nodes in all namespaces/],
  ['base/clusterrolebinding.yaml', 'name: consul-lictor\nsubjects', 'name: lictor\nsubjects', /may not get its nodes/],
  ['base/daemonset.yaml', 'mountPath: /run/lictor', 'mountPath: /run/elsewhere', /no emptyDir in memory holds run_dir/],
];

const at = process.argv.indexOf('--modules');
const schemas = new Schemas(at < 0 ? path.join(SOURCE, 'build/kubernetes') : process.argv[at + 1]);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lictor-mutants-'));
let missed = 0;
try {
  for (const [file, what, by, finding] of MUTANTS) {
    fs.rmSync(folder, {recursive: true});
    fs.cpSync(MANIFESTS, folder, {recursive: true});
    const text = fs.readFileSync(path.join(folder, file), 'utf8');
    fs.writeFileSync(path.join(folder, file), text.replaceAll(what, by));
    const found = check(folder, schemas, false).findings;
    if (!text.includes(what)) found.splice(0, Infinity, 'the mutant changes nothing');
    if (found.some(line => finding.test(line))) continue;
    missed++;
    console.error(`${file}: ${JSON.stringify(what)} -> ${JSON.stringify(by)}: not found: ${finding}\n  but:`, found);
  }
} finally {
  fs.rmSync(folder, {recursive: true});
}
console.log(`${MUTANTS.length - missed} of ${MUTANTS.length} mutants found`);
process.exitCode = missed ? 1 : 0;

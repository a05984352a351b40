#!/usr/bin/env node
// Holds the manifests of config/kubernetes (or FOLDER) against Kubernetes's own schemas, with unknown keys refused as
// the API server's strict validation does, and against the rules that a client under lictor works by. Asks no cluster
// and no network.
//
//   check.js [--modules FOLDER] [--without-kubectl] [FOLDER]     exit code 1 and a line for each finding
//
// --modules: where npm has installed what package.json names. What a kustomization.yaml names is checked as `kubectl
// kustomize` renders it; without kubectl, file by file, each patch against the kind of object that it patches.
'use strict';
const {spawnSync} = require('child_process');
const fs = require('fs');
const {createRequire} = require('module');
const path = require('path');

const SOURCE = path.resolve(__dirname, '../..');
const PROBES = ['startupProbe', 'livenessProbe', 'readinessProbe'];

const is_object = value => value !== null && typeof value === 'object' && !Array.isArray(value);

// The package's schemas allow unknown keys; here an object whose keys are listed has no others.
function closed(schema) {
  if (Array.isArray(schema)) return schema.map(closed);
  if (!is_object(schema)) return schema;
  const result = {};
  for (const [key, value] of Object.entries(schema)) {
    result[key] = key !== 'properties' ? closed(value)
      : Object.fromEntries(Object.entries(value).map(([name, property]) => [name, closed(property)]));
  }
  if (result.properties && result.additionalProperties === undefined) result.additionalProperties = false;
  return result;
}

class Schemas {
  constructor(modules) {
    const load = createRequire(path.join(path.resolve(modules), 'package.json'));
    this.yaml = load('yaml');
    this.ajv = new (load('ajv'))({allErrors: true, strict: false});
    load('ajv-formats')(this.ajv);
    this.ajv.addFormat('quantity', /^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$/);
    this.settings = this.ajv.compile(JSON.parse(fs.readFileSync(path.join(SOURCE, 'config/lictor.schema.json'))));
    this.load = createRequire(load.resolve('kubernetes-models/package.json'));
    // Each schema file hands what it holds to register() of this module, which would check leniently: it comes here.
    const validate = this.load.resolve('@kubernetes-models/validate');
    const known = new Set();
    const register = (id, schema) => {
      if (!known.has(id)) this.ajv.addSchema(closed(schema), `${id}#`);
      known.add(id);
    };
    require.cache[validate] = {id: validate, filename: validate, loaded: true, exports: {register}};
  }

  // What is wrong with an object: texts. `partly`: a patch, in which what it leaves alone may be missing.
  findings(object, partly) {
    const [version, group] = object.apiVersion.split('/').reverse();
    const short = (group || 'core').split('.')[0];
    const capital = word => word[0].toUpperCase() + word.slice(1);
    const name = `IoK8sApi${capital(short)}${capital(version)}${object.kind}`;
    try {
      this.load(`./_schemas/${name}.js`).addSchema();
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
      return [`no such kind: ${object.apiVersion} ${object.kind}`];
    }
    return findings_of(this.ajv.getSchema(`io.k8s.api.${short}.${version}.${object.kind}#`), object, partly);
  }
}

function findings_of(schema, value, partly) {
  if (schema(value)) return [];
  // Every key may also be null: that branch, and the choice itself, say nothing of what was meant.
  return schema.errors
    .filter(error => error.keyword !== 'oneOf' && error.params.type !== 'null')
    .filter(error => !(partly && error.keyword === 'required'))
    .map(error => `${error.instancePath || '/'}: ${error.message}` +
      (error.params.additionalProperty ? `: ${error.params.additionalProperty}` : ''));
}

// ---- rules ----------------------------------------------------------------------------------------------------------

const pod_of = object => (object.kind === 'Pod' ? object.spec : object.spec?.template?.spec);
const is_lictor = container => container.command?.[0] === 'lictor';

function labels(object) {
  const chosen = object.spec?.selector?.matchLabels;
  if (!object.spec?.template) return [];
  if (!chosen || Object.keys(chosen).length === 0) return ['spec.selector chooses nothing'];
  const has = object.spec.template.metadata?.labels || {};
  return Object.entries(chosen).filter(([key, value]) => has[key] !== value)
    .map(([key, value]) => `spec.selector wants ${key}: ${value}, the pod has ${has[key]}`);
}

function volumes(object) {
  const volumes = (pod_of(object)?.volumes || []).map(volume => volume.name);
  const mounts = (pod_of(object)?.containers || []).flatMap(container => container.volumeMounts || []);
  return [
    ...mounts.filter(mount => !volumes.includes(mount.name))
      .map(mount => `no volume ${mount.name} for ${mount.mountPath}`),
    ...volumes.filter(name => !mounts.some(mount => mount.name === name))
      .map(name => `volume ${name} is mounted nowhere`),
  ];
}

function probes(object) {
  return (pod_of(object)?.containers || []).flatMap(container => {
    const ports = (container.ports || []).map(port => port.name);
    return PROBES.map(probe => [probe, container[probe]?.httpGet || container[probe]?.tcpSocket])
      .filter(([, asks]) => asks && typeof asks.port === 'string' && !ports.includes(asks.port))
      .map(([probe, asks]) => `${probe}: no port ${asks.port} in ${container.name}`);
  });
}

// $(NAME) stands for what is defined above it; otherwise the text itself gets there.
function references(object) {
  return (pod_of(object)?.containers || []).flatMap(container => (container.env || []).flatMap((variable, index) =>
    [...(variable.value || '').matchAll(/\$\((\w+)\)/g)]
      .filter(([, name]) => !container.env.slice(0, index).some(above => above.name === name))
      .map(([, name]) => `env ${variable.name}: ${name} is not defined above it`)));
}

function config_maps(object, all) {
  return (pod_of(object)?.volumes || []).filter(volume => volume.configMap).flatMap(({name, configMap}) => {
    const map = find_map(object, configMap.name, all);
    if (!map) return [`volume ${name}: no ConfigMap ${configMap.name} in ${object.metadata.namespace}`];
    return (configMap.items || []).filter(item => !(item.key in map.data))
      .map(item => `volume ${name}: no key ${item.key} in ConfigMap ${configMap.name}`);
  });
}

const find_map = (object, name, all) => all.find(other => other.kind === 'ConfigMap' && other.metadata.name === name &&
  other.metadata.namespace === object.metadata.namespace);

const seconds = duration => [...duration.matchAll(/([\d.]+)(ns|us|ms|s|m|h)/g)]
  .reduce((sum, [, count, unit]) => sum + count * {ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600}[unit], 0);

// The settings that a container's lictor will read.
function settings_of(object, container, all) {
  const mount = (container.volumeMounts || []).find(mount => mount.mountPath === '/etc/lictor');
  const volume = mount && pod_of(object).volumes.find(volume => volume.name === mount.name);
  const text = volume?.configMap && find_map(object, volume.configMap.name, all)?.data?.['lictor.json'];
  return {mount, text};
}

function client(object, all, schemas) {
  const pod = pod_of(object);
  return (pod?.containers || []).filter(is_lictor).flatMap(container => {
    const found = [];
    const rule = (holds, text) => holds || found.push(text);
    const {mount, text} = settings_of(object, container, all);
    let settings = {};
    if (text === undefined) {
      found.push('no lictor.json at /etc/lictor');
    } else {
      try {
        settings = JSON.parse(text);
        found.push(...findings_of(schemas.settings, settings).map(finding => `lictor.json: ${finding}`));
      } catch (error) {
        found.push(`lictor.json: ${error.message}`);
      }
    }
    const variable = name => (container.env || []).find(one => one.name === name)?.value;
    const stop = seconds(variable('LICTOR_STOP_TIMEOUT') || settings.stop?.timeout || '25s');
    const grace = pod.terminationGracePeriodSeconds ?? 30;
    rule(grace > stop, `terminationGracePeriodSeconds ${grace} is not longer than stop.timeout, ${stop} s`);
    const told = seconds(variable('LICTOR_GRACE') || '');
    rule(told === grace, `LICTOR_GRACE says ${told} s, terminationGracePeriodSeconds ${grace}`);
    rule(!mount?.subPath, 'lictor.json by subPath: changes of the ConfigMap would never arrive');
    rule(!container.lifecycle, 'lifecycle hooks: lictor does that itself');
    rule(pod.hostNetwork === true, 'no hostNetwork: the node would get the address of a pod');
    rule(pod.dnsPolicy === 'ClusterFirstWithHostNet',
      'dnsPolicy: on the host network, names of the cluster need ClusterFirstWithHostNet');
    rule(pod.enableServiceLinks === false, 'enableServiceLinks: a Service could become a setting');
    // The image keeps the data directory at /consul/data.
    const data = variable('LICTOR_NODE_DATA_DIR') || settings.node?.data_dir || '/consul/data';
    const mounted = (container.volumeMounts || []).find(one => one.mountPath === data)?.name;
    const volume = (pod.volumes || []).find(one => one.name === mounted);
    rule(volume?.hostPath?.type === 'DirectoryOrCreate',
      `no hostPath for the data directory, ${data}: the identity of the node would end with the pod`);
    const run = `${settings.run_dir || '/run/lictor'}/`;
    const memory = (pod.volumes || []).filter(volume => volume.emptyDir?.medium === 'Memory');
    const held = (container.volumeMounts || []).filter(one => run.startsWith(`${one.mountPath}/`));
    rule(held.some(one => memory.some(volume => volume.name === one.name)),
      `no emptyDir in memory holds run_dir, ${run}`);
    const [address, port] = (settings.control?.http ?? '127.0.0.1:8555').split(':');
    for (const probe of PROBES) {
      const asks = container[probe]?.httpGet || {};
      const number = (container.ports || []).find(one => one.name === asks.port)?.containerPort ?? asks.port;
      rule(asks.host === address && String(number) === port, `${probe} does not ask ${address}:${port}, control.http`);
      rule(asks.path === (probe === 'readinessProbe' ? '/readyz' : '/livez'), `${probe} asks ${asks.path}`);
    }
    const security = container.securityContext || {};
    rule(security.readOnlyRootFilesystem === true, 'securityContext: the root file system is writable');
    rule(security.seccompProfile?.type === 'RuntimeDefault', 'securityContext: all system calls are allowed');
    rule(security.allowPrivilegeEscalation === false, 'securityContext: privileges may be gained');
    rule(String(security.capabilities?.drop) === 'ALL', 'securityContext: not all capabilities are dropped');
    return found;
  });
}

// What lictor asks the API at a stop, and that its service account may ask that and nothing else.
function rights(object, all) {
  const pod = pod_of(object);
  const containers = (pod?.containers || []).filter(is_lictor);
  if (!containers.length || pod.automountServiceAccountToken === false) return [];
  const found = [];
  const rule = (holds, text) => holds || found.push(text);
  const space = object.metadata.namespace, account = pod.serviceAccountName;
  const is_account = one => one.kind === 'ServiceAccount' && one.name === account && one.namespace === space;
  rule(all.some(one => is_account({...one, ...one.metadata})), `no ServiceAccount ${account} in ${space}`);
  const given = kind => all.filter(one => one.kind === kind && (one.metadata.namespace || space) === space)
    .filter(one => (one.subjects || []).some(is_account))
    .flatMap(one => all.filter(role => role.kind === one.roleRef.kind && role.metadata.name === one.roleRef.name))
    .flatMap(role => role.rules);
  const everywhere = given('ClusterRoleBinding'), here = [...given('RoleBinding'), ...everywhere];
  const may = (rules, group, resource, name) => rules.some(one => one.apiGroups.includes(group) &&
    one.resources.includes(resource) && one.verbs.includes('get') && (!one.resourceNames || one.resourceNames.includes(name)));
  const wanted = [[here, '', 'pods'], [here, 'apps', 'daemonsets', object.metadata.name], [here, '', 'namespaces', space], [everywhere, '', 'nodes']];
  for (const [rules, group, resource, name] of wanted) rule(may(rules, group, resource, name), `${account} may not get its ${resource}`);
  rule(here.every(one => String(one.verbs) === 'get'), `${account} may do more than get`);
  rule(everywhere.every(one => String(one.resources) === 'nodes'), `${account} may get more than nodes in all namespaces`);
  for (const {env} of containers) {
    for (const [name, field] of [['POD_NAME', 'metadata.name'], ['POD_NAMESPACE', 'metadata.namespace']])
      rule((env || []).some(one => one.name === name && one.valueFrom?.fieldRef?.fieldPath === field), `${name} is not ${field}`);
  }
  return found;
}

// Pod Security's level `restricted`, in a namespace that enforces it (Kubernetes's documentation: Pod Security Standards).
function restricted(object, all) {
  const pod = pod_of(object);
  const space = all.find(other => other.kind === 'Namespace' && other.metadata.name === object.metadata.namespace);
  if (!pod || space?.metadata.labels?.['pod-security.kubernetes.io/enforce'] !== 'restricted') return [];
  const volumes = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'];
  const found = [];
  const rule = (holds, text) => holds || found.push(`restricted: ${text}`);
  for (const key of ['hostNetwork', 'hostPID', 'hostIPC']) rule(!pod[key], key);
  for (const {name, ...source} of pod.volumes || [])
    rule(Object.keys(source).every(kind => volumes.includes(kind)), `volume ${name} of the kind ${Object.keys(source)}`);
  for (const container of [...(pod.initContainers || []), ...pod.containers]) {
    const of = {...pod.securityContext, ...container.securityContext};
    const own = container.securityContext || {};
    rule(of.runAsNonRoot === true && of.runAsUser !== 0, `${container.name} may run as root`);
    rule(['RuntimeDefault', 'Localhost'].includes(of.seccompProfile?.type), `${container.name} may make all system calls`);
    rule(own.allowPrivilegeEscalation === false, `${container.name} may gain privileges`);
    rule(!own.privileged && (own.capabilities?.drop || []).includes('ALL') &&
      (own.capabilities.add || []).every(one => one === 'NET_BIND_SERVICE'), `${container.name} has capabilities`);
    rule((container.ports || []).every(port => !port.hostPort), `${container.name} has a port of the host`);
  }
  return found;
}

// What stands in a file by itself can be applied by itself.
function namespaces(object, all) {
  const space = object.metadata.namespace;
  if (!space || all.some(other => other.kind === 'Namespace' && other.metadata.name === space)) return [];
  return [`no Namespace ${space} beside it`];
}

const RULES = [labels, volumes, probes, references, config_maps, client, rights, restricted];

// ---- folders --------------------------------------------------------------------------------------------------------

function manifests(folder) {
  return fs.readdirSync(folder, {withFileTypes: true}).flatMap(entry => {
    const file = path.join(folder, entry.name);
    return entry.isDirectory() ? manifests(file) : file.endsWith('.yaml') ? [file] : [];
  });
}

// {findings, looked}: what is wrong, and lines that say what was looked at.
function check(folder, schemas, with_kubectl) {
  const findings = [], looked = [];
  // As kubectl reads YAML, where 0755 is octal.
  const parse = (text, origin) => schemas.yaml.parseAllDocuments(text, {version: '1.1'}).flatMap(document => {
    findings.push(...document.errors.map(error => `${origin}: ${error.message.split('\n')[0]}`));
    return document.errors.length || document.contents === null ? [] : [document.toJS()];
  });
  const named = (object, origin) => `${origin}: ${object.kind} ${object.metadata?.name}`;
  const look = (objects, origin) => {
    looked.push(`${origin}: ${objects.length} object${objects.length === 1 ? '' : 's'}`);
    for (const object of objects) {
      const wrong = schemas.findings(object);
      // The rules may rely on the schema.
      if (!wrong.length) wrong.push(...RULES.flatMap(rule => rule(object, objects, schemas)));
      findings.push(...wrong.map(finding => `${named(object, origin)}: ${finding}`));
    }
  };

  const files = new Map(manifests(folder).map(
    file => [file, parse(fs.readFileSync(file, 'utf8'), path.relative(folder, file))]));
  const used = new Set();
  for (const [file, [kustomization]] of files) {
    if (path.basename(file) !== 'kustomization.yaml' || !kustomization) continue;
    used.add(file);
    const here = path.dirname(file), origin = path.relative(folder, here) || '.';
    const at = name => path.join(here, name);
    const resources = kustomization.resources || [], patches = (kustomization.patches || []).map(patch => patch.path);
    const lost = [...resources, ...patches].filter(name => !fs.existsSync(at(name)));
    findings.push(...lost.map(name => `${origin}: kustomization.yaml names ${name}, which is not there`));
    [...resources, ...patches].forEach(name => used.add(at(name)));
    if (lost.length) continue;
    if (with_kubectl) {
      const done = spawnSync('kubectl', ['kustomize', here], {encoding: 'utf8', timeout: 30000});
      if (done.status !== 0) findings.push(`${origin}: kubectl kustomize: ${done.stderr || done.error}`);
      else look(parse(done.stdout, `${origin} rendered`), `${origin} rendered`);
    } else {
      const own = resources.flatMap(name => files.get(at(name)) || []);
      if (own.length) look(own, origin);
      for (const name of patches) {
        for (const patch of files.get(at(name))) {
          const wrong = schemas.findings(patch, true);
          findings.push(...wrong.map(finding => `${named(patch, path.join(origin, name))}: ${finding}`));
        }
        looked.push(`${path.join(origin, name)}: a patch, by itself`);
      }
    }
  }
  for (const [file, objects] of files) {
    if (used.has(file)) continue;
    look(objects, path.relative(folder, file));
    const alone = objects.flatMap(object => namespaces(object, objects).map(finding => `${named(object, path.relative(folder, file))}: ${finding}`));
    findings.push(...alone);
  }
  return {findings, looked};
}

function has_kubectl() {
  return spawnSync('kubectl', ['kustomize', '--help'], {stdio: 'ignore', timeout: 30000}).status === 0;
}

module.exports = {Schemas, check, has_kubectl};

if (require.main === module) {
  const given = process.argv.slice(2);
  const option = (name, takes) => {
    const at = given.indexOf(name);
    return at < 0 ? undefined : given.splice(at, takes)[takes - 1];
  };
  const with_kubectl = !option('--without-kubectl', 1) && has_kubectl();
  const schemas = new Schemas(option('--modules', 2) || path.join(SOURCE, 'build/kubernetes'));
  const {findings, looked} = check(given[0] || path.join(SOURCE, 'config/kubernetes'), schemas, with_kubectl);
  const manner = with_kubectl ? 'rendered by kubectl kustomize' : 'no kubectl: files as they stand';
  console.log([manner, ...looked].join('\n'));
  findings.forEach(finding => console.error(finding));
  process.exitCode = findings.length ? 1 : 0;
}

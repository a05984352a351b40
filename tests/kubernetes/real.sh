#!/usr/bin/env bash
# tests/kubernetes/real.sh [OPTION…] KUBECONFIG: what lictor-kubernetes says on a real Kubernetes, for each reason to stop a pod that
# kubectl can give. Exit code 1 where it says otherwise than docs/kubernetes.md ("Why a pod stops").
#
#   --image IMAGE    one of docker/Dockerfile that the nodes can pull (lictor:0.1.0)
#   --node NODE      this node may be cordoned and tainted for some seconds; else these rows are left out. The pod runs there
#   --delete-node    and its object deleted at the end, after a question: a node that does not come back by itself has to be joined
#                    again, which its kubelet does when it is restarted
#
# All else is in a namespace of its own, lictor-real-PID, with a ClusterRole and its binding of that name, and is removed at the
# end. The DaemonSet's one pod runs no agent, takes no port and mounts nothing of the host.
set -euo pipefail

usage() {
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

die() {
  echo "real.sh: $*" >&2
  exit 64
}

image=lictor:0.1.0 node='' delete_node='' config=''
while (($#)); do
  case $1 in
    --image | --node)
      (($# > 1)) || die "$1: names nothing; see real.sh --help"
      declare "${1#--}=$2"
      shift
      ;;
    --delete-node) delete_node=yes ;;
    -h | --help) usage && exit ;;
    -*) die "$1: unknown option; see real.sh --help" ;;
    *) config=$1 ;;
  esac
  shift
done
[[ -n $config ]] || die 'no KUBECONFIG given; see real.sh --help'
[[ -r $config ]] || die "$config: no file that can be read; name the cluster's kubeconfig"
[[ -z $delete_node || -n $node ]] || die '--delete-node: takes --node, too'
command -v kubectl >/dev/null || die 'no kubectl on PATH: install it'

name=lictor-real-$$
folder=$(mktemp -d)
touched='' failed=0
k() { timeout 120 kubectl --kubeconfig "$config" "$@"; }
n() { k -n "$name" "$@"; }

end() {
  [[ -z $touched ]] || restore_node || echo "real.sh: look at node $node: it may be cordoned or tainted still" >&2
  k delete namespace "$name" --ignore-not-found --wait=false >/dev/null || true
  k delete clusterrolebinding,clusterrole "$name" --ignore-not-found >/dev/null || true
  rm -rf "$folder"
}

restore_node() {
  k uncordon "$node" >/dev/null
  k taint node "$node" ToBeDeletedByClusterAutoscaler- >/dev/null 2>&1 || true
  touched=''
}

rights() {
  cat <<YAML
apiVersion: v1
kind: Namespace
metadata: {name: $name, labels: {pod-security.kubernetes.io/enforce: baseline}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: lictor, namespace: $name}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: lictor, namespace: $name}
rules:
  - {apiGroups: [""], resources: [pods, namespaces], verbs: [get]}
  - {apiGroups: [apps], resources: [daemonsets], resourceNames: [lictor], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: lictor, namespace: $name}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: lictor}
subjects: [{kind: ServiceAccount, name: lictor, namespace: $name}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: $name}
rules: [{apiGroups: [""], resources: [nodes], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: $name}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: $name}
subjects: [{kind: ServiceAccount, name: lictor, namespace: $name}]
YAML
}

daemonset() {
  cat <<YAML
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: lictor, namespace: $name}
spec:
  selector: {matchLabels: {app: lictor-real}}
  template:
    metadata: {labels: {app: lictor-real}}
    spec:
      serviceAccountName: lictor
      terminationGracePeriodSeconds: 45
      tolerations: [{operator: Exists}]
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: In, values: ["$node"]}]}]
      containers:
        - name: lictor
          image: $image
          command: [sh, -c, 'trap "lictor-kubernetes; exit 0" TERM; echo up; while :; do sleep 1 & wait \$!; done']
          env:
            - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
            - {name: NODE_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
          livenessProbe: {exec: {command: [sh, -c, '[ ! -e /tmp/ill ]']}, periodSeconds: 1, failureThreshold: 1}
YAML
}

# A DaemonSet that is there, with its pod ready; of one that is on its way out the end is waited for.
up() {
  local going
  going=$(n get daemonset lictor --ignore-not-found -o 'jsonpath={.metadata.deletionTimestamp}')
  [[ -z $going ]] || n wait --for=delete daemonset/lictor --timeout=90s >/dev/null
  daemonset | k apply -f - >/dev/null
  n rollout status daemonset lictor --timeout=90s >/dev/null
}

pod() { n get pods -l app=lictor-real -o 'jsonpath={.items[0].metadata.name}'; }

# row EVENT leave|stay WORDS COMMAND…: what the pod says when COMMAND has it stopped.
row() {
  local event=$1 wanted=$2 words=$3 said follower old
  shift 3
  up
  old=$(pod)
  n logs -f "$old" >"$folder/log" 2>&1 &
  follower=$!
  for _ in {1..100}; do
    ! grep -q '^up$' "$folder/log" || break
    sleep 0.1
  done
  "$@" >/dev/null || true
  timeout 90 tail --pid="$follower" -f /dev/null || kill "$follower" || true
  wait "$follower" || true
  [[ $event == liveness* ]] || n wait --for=delete "pod/$old" --timeout=60s >/dev/null 2>&1 || true
  said=$(grep '"evidence"' "$folder/log" | tail -n 1 || true)
  if [[ -z $said ]]; then
    echo "unseen   $event: the pod's last words did not get here"
  elif [[ $said == *'"known":true'* && $said == *"\"leave\":$([[ $wanted == leave ]] && echo true || echo false)"* &&
    $said =~ $words ]]; then
    echo "ok       $event: $said"
  else
    echo "DIFFERS  $event: wanted $wanted, $words: $said"
    failed=1
  fi
}

left_out() { echo "left out $*"; }

cordoned_rollout() {
  touched=yes
  k cordon "$node"
  n rollout restart daemonset lictor
}

tainted_eviction() {
  touched=yes
  k taint node "$node" ToBeDeletedByClusterAutoscaler=real:NoSchedule
  n delete pod "$(pod)" --wait=false
}

[[ -n $node ]] && given=yes || given=''
if [[ -z $given ]]; then
  node=$(k get nodes -o 'jsonpath={range .items[?(@.spec.unschedulable!=true)]}{.metadata.name}{"\n"}{end}' | head -n 1)
  [[ -n $node ]] || die 'no node that takes pods'
fi
[[ $(k get node "$node" -o 'jsonpath={.spec.unschedulable}') != true ]] || die "$node is cordoned: name another one"
trap end EXIT
echo "on node $node, in namespace $name: $(k version -o json | tr -d ' \n' | sed -n 's/.*"serverVersion".*"gitVersion":"\([^"]*\)".*/Kubernetes \1/p')"
rights | k apply -f - >/dev/null

row 'rollout restart' stay 'template has changed' n rollout restart daemonset lictor
row 'delete pod' stay 'being deleted, and its DaemonSet' n delete pod -l app=lictor-real --wait=false
# By the time that it asks its token may be void already.
row 'delete pod --force' stay 'by force' n delete pod -l app=lictor-real --force --grace-period=0
row 'liveness failed' stay 'only the container' n exec daemonset/lictor -- touch /tmp/ill
row 'DaemonSet deleted' leave 'DaemonSet is gone|401' n delete daemonset lictor --wait=false
row 'DaemonSet deleted, foreground' leave 'DaemonSet is' n delete daemonset lictor --cascade=foreground --wait=false
if [[ -n $given ]]; then
  row 'cordon, then rollout restart' stay 'template has changed' cordoned_rollout
  restore_node
  row "autoscaler's taint, then delete pod" leave 'cluster autoscaler' tainted_eviction
  restore_node
else
  left_out "cordon, then rollout restart; autoscaler's taint: they take --node"
fi
if [[ -z $delete_node ]]; then
  left_out 'delete node: takes --delete-node'
  row 'namespace deleted' leave 'namespace is being deleted|401|DaemonSet is' k delete namespace "$name" --wait=false
else
  left_out 'namespace deleted: not with --delete-node'
  read -rp "Delete the object of node $node from the cluster? Its pods are ended within a minute. Type its name: " answer
  if [[ $answer == "$node" ]]; then
    row 'delete node' leave '401|node is gone' k delete node "$node" --wait=false
  else
    left_out 'delete node: not confirmed'
  fi
fi
left_out 'node with a finalizer deleted, graceful node shutdown: kubectl can not make them'
((failed == 0))

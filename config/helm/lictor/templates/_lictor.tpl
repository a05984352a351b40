{{/* Each of these takes a client: {root, values, name, component, pool}; see clients.yaml. */}}

{{- define "lictor.name" -}}
{{ .Values.nameOverride | default .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "lictor.image" -}}
{{- with .values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.root.Chart.AppVersion }}
{{- end }}
{{- end }}
{{- end }}

{{/* Takes the root. The service account of all pods; empty: the namespace's default one, without its token. */}}
{{- define "lictor.account" -}}
{{ .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "lictor.name" .) "") }}
{{- end }}

{{/* What a selector chooses by: it can't be changed. */}}
{{- define "lictor.chosen" -}}
app.kubernetes.io/name: {{ include "lictor.name" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "lictor.labels" -}}
{{ include "lictor.chosen" . }}
{{- with .values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* {kind of token -> {secret, key}} of what is mounted, as JSON. */}}
{{- define "lictor.secrets" -}}
{{- $found := dict }}
{{- range $kind, $from := .values.tokens }}
{{- if $from }}{{ $_ := set $found (printf "%s-token" $kind) $from }}{{ end }}
{{- end }}
{{- if .values.gossipKey }}{{ $_ := set $found "gossip-key" .values.gossipKey }}{{ end }}
{{- toJson $found }}
{{- end }}

{{/* lictor.json. */}}
{{- define "lictor.settings" -}}
{{- $config := dict "datacenter" .values.datacenter }}
{{- with .values.servers }}{{ $_ := set $config "retry_join" . }}{{ end }}
{{- $agent := dict "config" $config }}
{{- $tokens := dict }}
{{- range $what, $from := include "lictor.secrets" . | fromJson }}
{{- $file := printf "/run/secrets/lictor/%s/%s" $what $from.key }}
{{- if eq $what "gossip-key" }}
{{- $_ := set $agent "encrypt_file" $file }}
{{- else }}
{{- $_ := set $tokens (printf "%s_file" (trimSuffix "-token" $what)) $file }}
{{- end }}
{{- end }}
{{- if $tokens }}{{ $_ := set $agent "tokens" $tokens }}{{ end }}
{{- $all := mustMergeOverwrite (dict "agent" $agent) (deepCopy .values.settings) }}
{{- if not (kindIs "invalid" .values.services) }}{{ $_ := set $all "services" .values.services }}{{ end }}
{{- $files := or $all.agent.config_dirs $all.agent.config_files $all.agent.args }}
{{- if not (or $all.agent.config.retry_join $all.agent.config.start_join $files) }}
{{- fail "servers: names no Consul server to join: set it to their addresses, as in --set 'servers={10.0.0.1,10.0.0.2}'" }}
{{- end }}
{{- $stop := dig "stop" "timeout" "25s" $all }}
{{- if regexMatch "^[0-9]+s$" $stop }}
{{- if le (int .values.terminationGracePeriodSeconds) (trimSuffix "s" $stop | int) }}
{{- fail (printf "terminationGracePeriodSeconds: %d is not longer than settings.stop.timeout, %s: a leave would be cut off; set it to some seconds more" (int .values.terminationGracePeriodSeconds) $stop) }}
{{- end }}
{{- end }}
{{- toPrettyJson $all }}
{{- end }}

{{/* Each port of the agent that is open: `- {name: NAME, containerPort: PORT}`. */}}
{{- define "lictor.ports" -}}
{{- $ports := dig "agent" "config" "ports" dict .values.settings }}
{{- range list (list "http" 8500) (list "https" -1) (list "grpc" -1) (list "grpc_tls" -1) (list "serf_lan" 8301) (list "dns" 8600) }}
{{- $name := first . | replace "_" "-" }}
{{- $port := dig (first .) (last .) $ports | int }}
{{- if gt $port 0 }}
{{- if or (eq $name "serf-lan") (eq $name "dns") }}
- {name: {{ $name }}-tcp, containerPort: {{ $port }}}
- {name: {{ $name }}-udp, containerPort: {{ $port }}, protocol: UDP}
{{- else }}
- {name: {{ $name }}, containerPort: {{ $port }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* settings.control.http as {address, port} in JSON; {} where it is off. An address of all interfaces is asked as the host's. */}}
{{- define "lictor.control" -}}
{{- $http := dig "control" "http" "127.0.0.1:8555" .values.settings }}
{{- $address := regexReplaceAll ":[0-9]+$" $http "" | trimPrefix "[" | trimSuffix "]" }}
{{- if $http }}
{{- dict "address" (has $address (list "0.0.0.0" "::") | ternary "" $address) "port" (regexFind "[0-9]+$" $http | int) | toJson }}
{{- else }}{}
{{- end }}
{{- end }}

{{/* Takes {address, path, rest}. */}}
{{- define "lictor.probe" -}}
httpGet:
  {{- with .address }}
  host: {{ . | quote }}
  {{- end }}
  port: probes
  path: {{ .path }}
{{- with .rest }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* affinity, with the nodes of pools: a pool's pods on its own, all others off those. */}}
{{- define "lictor.affinity" -}}
{{- $affinity := deepCopy .values.affinity }}
{{- $more := list }}
{{- $own := .pool }}
{{- range $name, $pool := .root.Values.pools }}
{{- $operator := eq $name $own | ternary "In" "NotIn" }}
{{- if or (not $own) (eq $name $own) }}
{{- $more = append $more (dict "key" $pool.nodes.label "operator" $operator "values" $pool.nodes.values) }}
{{- end }}
{{- end }}
{{- if $more }}
{{- $required := dig "nodeAffinity" "requiredDuringSchedulingIgnoredDuringExecution" dict $affinity }}
{{- $terms := list }}
{{- range $term := $required.nodeSelectorTerms | default (list dict) }}
{{- $terms = append $terms (merge (dict "matchExpressions" (concat ($term.matchExpressions | default list) $more)) $term) }}
{{- end }}
{{- $node := dict "requiredDuringSchedulingIgnoredDuringExecution" (dict "nodeSelectorTerms" $terms) }}
{{- $affinity = mergeOverwrite $affinity (dict "nodeAffinity" $node) }}
{{- end }}
{{- if $affinity }}{{ toYaml $affinity }}{{ end }}
{{- end }}

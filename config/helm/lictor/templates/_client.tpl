{{/* A client: its ConfigMap and its DaemonSet. Takes {root, values, name, component, pool}. */}}
{{- define "lictor.client" -}}
{{- $control := include "lictor.control" . | fromJson -}}
{{- $secrets := include "lictor.secrets" . | fromJson -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "lictor.labels" . | nindent 4 }}
data:
  lictor.json: |
    {{- include "lictor.settings" . | nindent 4 }}
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "lictor.labels" . | nindent 4 }}
spec:
  selector:
    matchLabels:
      {{- include "lictor.chosen" . | nindent 6 }}
  minReadySeconds: {{ int .values.minReadySeconds }}
  revisionHistoryLimit: {{ int .values.revisionHistoryLimit }}
  updateStrategy:
    type: {{ .values.updateStrategy.type }}
    {{- if and (eq .values.updateStrategy.type "RollingUpdate") .values.updateStrategy.rollingUpdate }}
    rollingUpdate:
      {{- toYaml .values.updateStrategy.rollingUpdate | nindent 6 }}
    {{- end }}
  template:
    metadata:
      labels:
        {{- include "lictor.chosen" . | nindent 8 }}
        {{- with .values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      # The node's address and name are the agent's: they stay the same when the pod is replaced.
      hostNetwork: true
      dnsPolicy: ClusterFirstWithHostNet
      {{- with .values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with .values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with include "lictor.affinity" . }}
      affinity:
        {{- . | nindent 8 }}
      {{- end }}
      terminationGracePeriodSeconds: {{ int .values.terminationGracePeriodSeconds }}
      # By which lictor asks at a stop whether the node goes or stays. Only root can read the token: agent, hooks and checks can't.
      {{- with include "lictor.account" .root }}
      serviceAccountName: {{ . }}
      automountServiceAccountToken: true
      {{- else }}
      automountServiceAccountToken: false
      {{- end }}
      # A Service called "consul" or "lictor" must not become a setting.
      enableServiceLinks: false
      {{- with .values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: lictor
          image: {{ include "lictor.image" . | quote }}
          imagePullPolicy: {{ .values.image.pullPolicy }}
          command: ["lictor", "run"]
          env:
            {{- if .values.nodeName }}
            - name: NODE_NAME
              valueFrom:
                fieldRef:
                  fieldPath: spec.nodeName
            {{- end }}
            - name: LICTOR_NODE_DATA_DIR
              value: {{ .values.dataDir | quote }}
            # For `lictor doctor`, which can't see it otherwise.
            - name: LICTOR_GRACE
              value: {{ int .values.terminationGracePeriodSeconds }}s
            # Whose stop is asked about; and for ${HOST_IP} and ${POD_NAMESPACE} in node.meta and in service definitions.
            - name: POD_NAME
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
            - name: HOST_IP
              valueFrom:
                fieldRef:
                  fieldPath: status.hostIP
            - name: POD_NAMESPACE
              valueFrom:
                fieldRef:
                  fieldPath: metadata.namespace
            {{- with .values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          ports:
            {{- include "lictor.ports" . | nindent 12 }}
            {{- if $control.port }}
            - {name: probes, containerPort: {{ int $control.port }}}
            {{- end }}
            {{- with .values.extraPorts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- if $control.port }}
          startupProbe:
            {{- include "lictor.probe" (dict "address" $control.address "path" "/livez" "rest" .values.probes.startup) | nindent 12 }}
          livenessProbe:
            {{- include "lictor.probe" (dict "address" $control.address "path" "/livez" "rest" .values.probes.liveness) | nindent 12 }}
          readinessProbe:
            {{- include "lictor.probe" (dict "address" $control.address "path" "/readyz" "rest" .values.probes.readiness) | nindent 12 }}
          {{- end }}
          {{- with .values.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          securityContext:
            {{- toYaml .values.securityContext | nindent 12 }}
          volumeMounts:
            # The whole folder, not a subPath of it: only so do changes of the ConfigMap arrive.
            - name: settings
              mountPath: /etc/lictor
              readOnly: true
            - name: data
              mountPath: {{ .values.dataDir | quote }}
            - name: run
              mountPath: /run/lictor
            {{- if .values.machineId }}
            - name: machine-id
              mountPath: /etc/machine-id
              readOnly: true
            {{- end }}
            {{- range $what, $from := $secrets }}
            - name: {{ $what }}
              mountPath: /run/secrets/lictor/{{ $what }}
              readOnly: true
            {{- end }}
            {{- with .values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - name: settings
          configMap:
            name: {{ .name }}
        # On the host, so that the node's identity outlives the pod.
        - name: data
          hostPath:
            path: {{ .values.dataDir | quote }}
            type: DirectoryOrCreate
        # In memory: it holds the agent's configuration, secrets included.
        - name: run
          emptyDir:
            medium: Memory
            sizeLimit: 16Mi
        {{- if .values.machineId }}
        - name: machine-id
          hostPath:
            path: /etc/machine-id
            type: File
        {{- end }}
        {{- range $what, $from := $secrets }}
        - name: {{ $what }}
          secret:
            secretName: {{ $from.secret }}
            defaultMode: 288  # 0440
            items:
              - key: {{ $from.key }}
                path: {{ $from.key }}
        {{- end }}
        {{- with .values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end }}

{{- /* The coordinator's pod, for a StatefulSet and for a Job. */ -}}
{{- define "convoy.coordinator" -}}
automountServiceAccountToken: false
# It saves a checkpoint when it is told to end.
terminationGracePeriodSeconds: 60
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
containers:
  - name: coordinator
    image: {{ .Values.coordinator.image }}
    # --or-resume: the same command starts the run and continues it after a restart.
    args:
      - coordinator
      - --host=0.0.0.0
      - --port=7311
      - --run-dir=/data/run
      - --or-resume
      - --tls-cert=/tls/tls.crt
      - --tls-key=/tls/tls.key
      {{- range .Values.args }}
      - {{ . | quote }}
      {{- end }}
      - --json
    env:
      - name: CONVOY_WORKER_TOKEN
        valueFrom:
          secretKeyRef: { name: '{{ .Values.tokensSecret }}', key: worker }
      - name: CONVOY_OPERATOR_TOKEN
        valueFrom:
          secretKeyRef: { name: '{{ .Values.tokensSecret }}', key: operator }
      - name: CONVOY_VIEWER_TOKEN
        valueFrom:
          secretKeyRef: { name: '{{ .Values.tokensSecret }}', key: viewer }
    ports:
      - name: convoy
        containerPort: 7311
    livenessProbe:
      httpGet: { path: /healthz, port: convoy, scheme: HTTPS }
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    readinessProbe:
      httpGet: { path: /readyz, port: convoy, scheme: HTTPS }
      periodSeconds: 5
    # Opening the data may take minutes.
    startupProbe:
      httpGet: { path: /healthz, port: convoy, scheme: HTTPS }
      periodSeconds: 5
      failureThreshold: 120
    resources: {{- toYaml .Values.coordinator.resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    volumeMounts:
      - { name: data, mountPath: /data }
      - { name: tls, mountPath: /tls, readOnly: true }
      - { name: tmp, mountPath: /tmp }
volumes:
  - name: tls
    secret: { secretName: '{{ .Values.tlsSecret }}', defaultMode: 288 }
  - name: tmp
    emptyDir: {}
  {{- if eq .Values.coordinator.kind "Job" }}
  - name: data
    persistentVolumeClaim: { claimName: '{{ .Release.Name }}-data' }
  {{- end }}
{{- end }}

{{- /* The volume with the run. */ -}}
{{- define "convoy.claim" -}}
accessModes: [ReadWriteOnce]
{{- with .Values.coordinator.storageClassName }}
storageClassName: {{ . | quote }}
{{- end }}
resources:
  requests:
    storage: {{ .Values.coordinator.storage }}
{{- end }}

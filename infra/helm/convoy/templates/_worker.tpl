{{- /* A worker's pod, for a Deployment and for a Job. */ -}}
{{- define "convoy.worker" -}}
automountServiceAccountToken: false
# Time to finish a piece of work and say goodbye.
terminationGracePeriodSeconds: 120
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
containers:
  - name: worker
    image: {{ .Values.workers.image }}
    args:
      - worker
      - --url=wss://{{ .Release.Name }}-0.{{ .Release.Name }}:7311
      - --tls-ca=/tls/ca.crt
      {{- range .Values.workers.args }}
      - {{ . | quote }}
      {{- end }}
      {{- if eq .Values.workers.kind "Job" }}
      # It leaves with this code when it is evicted, so that the Job starts it again; with 0 when the training is complete.
      - --early-exit-code=75
      {{- end }}
    env:
      - name: CONVOY_TOKEN
        valueFrom:
          secretKeyRef: { name: '{{ .Values.tokensSecret }}', key: worker }
    resources: {{- toYaml .Values.workers.resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    volumeMounts:
      - { name: tls, mountPath: /tls, readOnly: true }
      - { name: cache, mountPath: /cache }
      - { name: tmp, mountPath: /tmp }
volumes:
  - name: tls
    secret:
      secretName: '{{ .Values.tlsSecret }}'
      # Not the key.
      items:
        - { key: ca.crt, path: ca.crt }
  - name: cache
    emptyDir: {}
  - name: tmp
    emptyDir: {}
{{- with .Values.workers.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.workers.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

# For Prometheus: the figures of one mount, and nothing else.
path "itwin/metrics" {
  capabilities = ["read"]
}

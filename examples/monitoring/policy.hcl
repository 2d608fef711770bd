# For Prometheus: the metrics of one mount, and nothing else.
path "itwin/metrics" {
  capabilities = ["read"]
}

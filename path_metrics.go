package itwin

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

const metricsPath = "metrics"

const metricsSynopsis = `Show this node's metrics in Prometheus' text format.`

const metricsDescription = `
The counts and times of status in Prometheus' text format. Prometheus needs a Vault token
that can read this path. The labels are app ("config" is the default app) and outcome.

    $ vault read -format=raw itwin/metrics
    $ curl -H "X-Vault-Token: $VAULT_TOKEN" $VAULT_ADDR/v1/itwin/metrics

Counts begin with the plugin's process and cover this node only: scrape every node that
serves reads.`

func (b *backend) pathsMetrics() []*framework.Path {
	read := readOperation(b.readMetrics, metricsSynopsis, "read", "metrics", "Prometheus' text format.", nil)
	read.Responses[http.StatusOK][0].MediaType = string(metricsFormat())
	return []*framework.Path{withHelp(&framework.Path{
		Pattern:    metricsPath + "$",
		Operations: operations{logical.ReadOperation: read},
	}, metricsSynopsis, metricsDescription)}
}

func metricsFormat() expfmt.Format { return expfmt.NewFormat(expfmt.TypeTextPlain) }

// readMetrics gathers from a registry of its own: one process serves many mounts.
func (b *backend) readMetrics(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error) {
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{b.metrics.duration, &tokenCollector{b: b}} {
		if err := registry.Register(c); err != nil {
			return answer(fmt.Errorf("registering metrics: %w", err))
		}
	}
	families, err := registry.Gather()
	if err != nil {
		return answer(fmt.Errorf("gathering metrics: %w", err))
	}
	var body bytes.Buffer
	encoder := expfmt.NewEncoder(&body, metricsFormat())
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return answer(fmt.Errorf("encoding metrics: %w", err))
		}
	}
	return &logical.Response{Data: map[string]any{
		logical.HTTPContentType: string(metricsFormat()),
		logical.HTTPRawBody:     body.Bytes(),
		logical.HTTPStatusCode:  http.StatusOK,
	}}, nil
}

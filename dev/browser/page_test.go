// Package browser looks at the page of `itwin-audit summary` as its readers do: in Chromium.
package browser

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/programs"
)

// page is one in a browser of its own.
type page struct {
	t   *testing.T
	ctx context.Context

	requests   atomic.Int32 // that it sent, its own included
	complaints atomic.Int32 // of the browser, such as a violation of the page's policy
}

func open(t *testing.T, url string) *page {
	t.Helper()
	chromium := programs.Find(t, "chromium")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	p := &page{t: t}
	p.ctx, cancel = chromedp.NewContext(ctx, chromedp.WithAllocatorOptions(chromedp.ExecPath(chromium), chromedp.NoSandbox),
		chromedp.WithListener(func(event any) {
			switch event.(type) {
			case *network.EventRequestWillBeSent:
				p.requests.Add(1)
			case *log.EventEntryAdded:
				p.complaints.Add(1)
			}
		}))
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(p.ctx, chromedp.Navigate(url)))
	return p
}

// evaluate returns what a JavaScript expression gives, as text.
func (p *page) evaluate(expression string) string {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[any](expression))
	require.NoError(p.t, err, expression)
	return fmt.Sprint(value)
}

// show makes the page so wide, in CSS pixels, for a medium (screen or print) and a colour scheme (light or dark).
func (p *page) show(width int64, medium, scheme string) {
	p.t.Helper()
	size := emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 640}
	media := emulation.SetEmulatedMediaParams{
		Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}
	require.NoError(p.t, chromedp.Do(p.ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, emulation.SetDeviceMetricsOverride, size); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, media)
		return err
	})))
}

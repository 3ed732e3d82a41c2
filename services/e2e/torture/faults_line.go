// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/sandbox"
)

// lineFaults are what a line does, between the house and the network.
func lineFaults() []fault {
	var out []fault
	for _, x := range []struct {
		how   lineFault
		what  string
		share float64
	}{
		{lineRefused, "nobody listens at the network's address", 1},
		{lineReset, "the connection is reset before the request came through", 0.6},
		{lineResetSent, "the connection is reset after the request came through", 0.4},
		{lineHang, "the request is swallowed", 0.5},
		{lineHangSent, "the request comes through, no answer", 0.4},
		{lineHalf, "half of the answer", 0.4},
		{lineGarbage, "something that is no HTTP", 0.5},
	} {
		out = append(out, fault{"line-" + string(x.how), x.what, always, 500 * time.Millisecond, 3 * time.Second,
			func(_ context.Context, d *driver) func() {
				d.r.world.plain.begin(x.how, x.share)
				return func() { d.must(d.r.world.plain.end(x.how)) }
			}})
	}
	for _, x := range []struct {
		how  lineFault
		what string
	}{{lineBadCert, "a certificate that nobody vouches for"}, {lineNoTLS, "the TLS handshake breaks off"}, {lineResetSent, "reset under TLS after the request came through"}} {
		out = append(out, fault{"tls-" + string(x.how), x.what, always, 500 * time.Millisecond, 3 * time.Second,
			func(_ context.Context, d *driver) func() {
				d.r.world.tls.begin(x.how, 0.7)
				return func() { d.must(d.r.world.tls.end(x.how)) }
			}})
	}
	return append(out, fault{"dns", "the network's name does not resolve", func(w *world) bool { return w.hosts != "" },
		5 * time.Second, 9 * time.Second, // Go's resolver keeps /etc/hosts for five seconds
		func(_ context.Context, d *driver) func() {
			d.must(os.WriteFile(d.r.world.hosts, []byte(hostsWithout), 0o644)) //nolint:gosec // as /etc/hosts
			return func() {
				d.must(os.WriteFile(d.r.world.hosts, []byte(hostsWith), 0o644)) //nolint:gosec // as /etc/hosts
			}
		}})
}

// networkFaults are what the network itself does; the sandbox has them.
func networkFaults() []fault {
	var out []fault
	for _, x := range []struct {
		name, what string
		fault      sandbox.Fault
	}{
		{"net-drop", "takes the message and closes the connection", sandbox.Fault{Kind: sandbox.FaultDrop, Applied: true, Probability: 0.3}},
		{"net-500", "500 after taking the message", sandbox.Fault{Kind: sandbox.FaultServerError, Applied: true, Probability: 0.3}},
		{"net-502", "502 without taking it", sandbox.Fault{Kind: sandbox.FaultBadGateway, Probability: 0.3}},
		{"net-429", "a storm of 429", sandbox.Fault{Kind: sandbox.FaultRateLimit, RetryAfter: 1, Probability: 0.8}},
		{"net-json", "takes the message and answers other JSON", sandbox.Fault{Kind: sandbox.FaultWrongJSON, Applied: true, Probability: 0.3}},
		{"net-endless", "takes the message and answers without end", sandbox.Fault{Kind: sandbox.FaultEndless, Applied: true, Probability: 0.2, Bytes: 8 << 20}},
		{"net-redirect", "takes the message and sends elsewhere", sandbox.Fault{Kind: sandbox.FaultRedirect, Applied: true, Probability: 0.3}},
		{"net-redirect-not", "redirects without taking it", sandbox.Fault{Kind: sandbox.FaultRedirect, Probability: 0.3}},
		{"net-slow", "takes the message and answers late", sandbox.Fault{Kind: sandbox.FaultSlow, Applied: true, Probability: 0.4, Delay: callTimeout + time.Second}},
		{"net-stale", "answers and closes the kept connection", sandbox.Fault{Kind: sandbox.FaultStale, Probability: 0.5}},
		{"net-token", "refuses the token", sandbox.Fault{Kind: sandbox.FaultUnauthorized, Count: 2}},
		{"net-kicked", "has put the bot out of the channel", sandbox.Fault{Kind: sandbox.FaultKicked, Count: 1}},
		{"net-refused", "does not know the channel", sandbox.Fault{Kind: sandbox.FaultNoTarget, Probability: 0.2}},
	} {
		out = append(out, fault{x.name, "the network " + x.what, always, 500 * time.Millisecond, 3 * time.Second,
			func(ctx context.Context, d *driver) func() {
				f := x.fault
				f.Seed = d.dice.Uint64()
				if d.dice.IntN(2) == 0 {
					f.Account = "@" + harness.Username(d.dice.IntN(d.r.world.channels()))
				}
				id, err := d.addFault(ctx, f)
				if err != nil {
					if ctx.Err() == nil { // else the time of the world is over
						d.must(err)
					}
					return func() {}
				}
				return func() { d.must(d.removeFault(context.WithoutCancel(ctx), id)) }
			}})
	}
	return out
}

func (d *driver) addFault(ctx context.Context, f sandbox.Fault) (int, error) {
	raw, err := json.Marshal(f)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+d.r.world.control+"/faults", bytes.NewReader(raw))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		return 0, fmt.Errorf("fault %s: HTTP %d", f.Kind, resp.StatusCode)
	}
	err = json.NewDecoder(resp.Body).Decode(&f)
	return f.ID, err
}

func (d *driver) removeFault(ctx context.Context, id int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, fmt.Sprintf("http://%s/faults/%d", d.r.world.control, id), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

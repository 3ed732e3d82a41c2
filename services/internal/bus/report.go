// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/palinsesto/palinsesto/services/contract"
)

// maxReport bounds what is believed of another process.
const maxReport = 64 << 10

// Report tells whoever listens how this process is: on core NATS, not stored, best effort.
func (b *Bus) Report(worker string, data []byte) error {
	return b.nc.Publish(contract.ReportSubject(worker), data)
}

// Reports hands over what processes say of themselves until ctx ends; what is too large to be a report
// is left out.
func (b *Bus) Reports(ctx context.Context, take func(worker string, data []byte)) error {
	prefix := strings.TrimSuffix(contract.AllReports, "*")
	sub, err := b.nc.Subscribe(contract.AllReports, func(m *nats.Msg) {
		if len(m.Data) <= maxReport {
			take(strings.TrimPrefix(m.Subject, prefix), m.Data)
		}
	})
	if err != nil {
		return fmt.Errorf("listen to reports: %w", err)
	}
	<-ctx.Done()
	return sub.Unsubscribe()
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/config"
)

func TestBackupSection(t *testing.T) {
	c := parse(t, small)
	require.Empty(t, c.Backup.Folder, "none unless asked for")
	c = parse(t, small+"backup: {folder: /var/backups/palinsesto}\n")
	require.Equal(t, config.Backup{Folder: "/var/backups/palinsesto", Cron: "30 2 * * *", Keep: 14}, c.Backup)
	_, err := c.Backup.Schedule()
	require.NoError(t, err)
	for section, want := range map[string]string{
		`{folder: /b, cron: "ogni notte"}`:                "backup.cron: serve una ricorrenza",
		`{folder: /b, cron: "61 2 * * *"}`:                "backup.cron: ricorrenza non valida",
		`{folder: /b, cron: "TZ=Asia/Tokyo 0 2 * * *"}`:   "backup.cron: serve una ricorrenza",
		`{folder: /b, keep: 0}`:                           "backup.keep",
		`{folder: /b, max_age: 1s}`:                       "backup.max_age",
		`{keep: 3}`:                                       "backup.keep: senza folder",
		`{folder: /b, cron: "@every 6h", chiave: "vero"}`: "backup.chiave: chiave sconosciuta",
	} {
		_, err := config.Parse([]byte(small+"backup: "+section+"\n"), "prova.yaml")
		require.ErrorContains(t, err, want, section)
	}
}

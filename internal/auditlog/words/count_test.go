package words_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog/words"
)

func TestCount(t *testing.T) {
	t.Parallel()
	require.Equal(t, "0 damaged lines", words.Count(0, "damaged line"))
	require.Equal(t, "1 damaged line", words.Count(1, "damaged line"))
	require.Equal(t, "5000000000 damaged lines", words.Count(int64(5_000_000_000), "damaged line"))
}

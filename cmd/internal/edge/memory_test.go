package edge

import (
	"testing"
	"testing/fstest"
)

func TestMemoryIsTheLeastLimit(t *testing.T) {
	t.Parallel()
	const machine = "MemTotal:       16384000 kB\nMemFree: 1 kB\n"
	for name, row := range map[string]struct {
		files map[string]string
		bytes int64
		from  string
	}{
		"a machine":                    {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/user.slice\n"}, 16384000 << 10, "/proc/meminfo"},
		"a container":                  {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20, "/sys/fs/cgroup/memory.max"},
		"a service in a slice":         {map[string]string{"proc/self/cgroup": "0::/a.slice/b.service\n", "sys/fs/cgroup/a.slice/memory.max": "1000000", "sys/fs/cgroup/a.slice/b.service/memory.max": "max"}, 1000000, "/sys/fs/cgroup/a.slice/memory.max"},
		"version 1":                    {map[string]string{"proc/self/cgroup": "5:cpu:/x\n4:memory:/docker/1\n", "sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "2000000"}, 2000000, "/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes"},
		"version 1 without a limit":    {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}, 16384000 << 10, "/proc/meminfo"},
		"nonsense":                     {map[string]string{"proc/meminfo": "MemTotal: many", "proc/self/cgroup": "what\n::::\n", "sys/fs/cgroup/memory.max": "-5"}, 0, ""},
		"a system that is not like it": {nil, 0, ""},
	} {
		root := fstest.MapFS{}
		for file, text := range row.files {
			root[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if n, from := memory(root); n != row.bytes || from != row.from {
			t.Errorf("%s: %d by %q, expected %d by %q", name, n, from, row.bytes, row.from)
		}
	}
}

package web

// A bar is one line of a chart, which is drawn as SVG beside a table of the same
// numbers: nobody needs to see it.
type bar struct {
	Label string
	Value int
	Width int // of 200
}

// barPitch is how far the lines of a chart are apart, as far as the rows of its table.
const barPitch = 37

// bars gives each its width, the largest as wide as the chart.
func bars(all ...bar) []bar {
	most := 1
	for _, b := range all {
		most = max(most, b.Value)
	}
	for i := range all {
		all[i].Width = all[i].Value * 200 / most
	}
	return all
}

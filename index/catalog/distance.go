package catalog

// distance is how many letters must be changed, added, left out or swapped
// with their neighbour to make a of b; more than most is given as most+1.
// Words longer than maxWord bytes are far from all others. (Optimal string
// alignment, of which only the band is computed that most leaves open.)
func distance(a, b string, most int) int {
	if len(a) > maxWord || len(b) > maxWord {
		return most + 1
	}
	x, y := []rune(a), []rune(b)
	if len(x)-len(y) > most || len(y)-len(x) > most {
		return most + 1
	}
	var rows [3][maxWord + 2]int
	for j := range len(y) + 1 {
		rows[0][j] = j
	}
	for i := range x {
		before, last, now := &rows[(i+2)%3], &rows[i%3], &rows[(i+1)%3]
		from, to := max(0, i-most), min(len(y), i+most+1)
		now[from] = most + 1
		if from == 0 {
			now[0] = i + 1
		}
		least := now[from]
		for j := from; j < to; j++ {
			d := last[j]
			if x[i] != y[j] {
				d++
			}
			d = min(d, now[j]+1)
			if j < i+most { // above lies inside the band
				d = min(d, last[j+1]+1)
			}
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				d = min(d, before[j-1]+1)
			}
			now[j+1] = d
			least = min(least, d)
		}
		if least > most {
			return most + 1
		}
	}
	return min(rows[len(x)%3][len(y)], most+1)
}

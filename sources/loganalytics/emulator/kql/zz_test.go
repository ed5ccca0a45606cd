package kql
import ("testing";"fmt";"github.com/kustash/kustash/pipeline")
func TestZZ(t *testing.T){
 queries, class := corpus(t)
 n:=map[string]int{}
 for id,q := range queries {
  _,err:=parse(q)
  if class[id]=="unparsed" { if err==nil { fmt.Println("ACCEPTED", id, q[:min(len(q),700)]); fmt.Println("-----") }; continue }
  if err!=nil { e:=err.(*Error); if n[e.Token]<7 && (e.Token=="="||e.Token=="["||e.Token=="datetime(now)"|| e.Token=="\u200b") { n[e.Token]++
   line:=0; s:=0; for i,r:=range q { if r=='\n' {line++; if line==e.Line-1 {s=i+1}} }
   fmt.Printf("%q at %d,%d: %.150q\n", e.Token,e.Line,e.Pos, q[s:]) } }
 }
}
func BenchmarkFilter(b *testing.B){
 db:=bigTable(b,200_000)
 for b.Loop() { must(Evaluate(b.Context(), "Big | where TimeGenerated >= datetime(2026-01-01) and TimeGenerated < datetime(2026-01-01T12:00:00Z)", db, Options{})) }
}
func BenchmarkCount(b *testing.B){
 db:=bigTable(b,100_000)
 for b.Loop() { must(Evaluate(b.Context(), "Big | where TimeGenerated >= datetime(2026-01-01) and TimeGenerated < datetime(2026-01-02) | summarize count(), sum(estimate_data_size(*)) by bin(TimeGenerated, 5m)", db, Options{})) }
}
func BenchmarkHash(b *testing.B){
 db:=bigTable(b,100_000)
 for b.Loop() { must(Evaluate(b.Context(), "Big | where hash_sha256(_ItemId) startswith 'a' and Computer has 'host7'", db, Options{})) }
}
func BenchmarkSort(b *testing.B){
 db:=bigTable(b,100_000)
 for b.Loop() { must(Evaluate(b.Context(), "Big | sort by Computer asc, TimeGenerated desc | extend x=1", db, Options{})) }
}
func bigTable(t testing.TB, rows int) memory {
	table := &Table{Name: "Big", Columns: sample(t)["E"].Columns}
	for i := 0; i < 20; i++ { table.Columns = append(table.Columns[:len(table.Columns):len(table.Columns)], Column{Name: fmt.Sprintf("c%d", i), Type: "string"}) }
	day := tick(t, "2026-01-01")
	for i := range rows {
		row := []Value{day + pipeline.Tick(int64(i)*7919*1_000_003%(2*ticksPerDay)), fmt.Sprintf("host%d", i%50), int64(i), Dynamic("{}"), fmt.Sprintf("id%d", i), day}
		for j := range 20 { row = append(row, fmt.Sprintf("value %d %d", i, j)) }
		table.Rows = append(table.Rows, row)
	}
	return memory{"Big": table}
}

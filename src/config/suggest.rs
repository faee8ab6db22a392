//! Finds the known word that is nearest to a misspelt one.

/// The nearest known word, if one is near enough.
pub fn suggest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may be wrong, but at least two. Beyond that a suggestion is a guess.
    let near = (word.chars().count() / 3).max(2);
    let plain = |text: &str| text.replace('-', "_").to_lowercase();
    let wanted = plain(word);
    known.map(|known| (distance(&wanted, &plain(known)), known)).filter(|(far, _)| *far <= near).min().map(|(_, w)| w)
}

/// The optimal string alignment distance: how many letters must be inserted, removed, replaced or swapped with their
/// neighbour to turn one word into the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut best = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = || ["listen", "connect", "max_inbound", "mine", "mine_rate"].into_iter();
        assert_eq!(suggest("lisen", known()), Some("listen"));
        assert_eq!(suggest("max-inbuond", known()), Some("max_inbound"));
        assert_eq!(suggest("minerate", known()), Some("mine_rate"));
        assert_eq!(suggest("colour", known()), None);
    }
}

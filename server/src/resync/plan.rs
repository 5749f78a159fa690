//! Which part of a list of Stripe's is read next. A list is a chain of pages, each asked for by the last object of the one before; parts by
//! time of creation are chains of their own, so that several can be read at once.

use std::collections::HashMap;

use domain::Timestamp;
use gateway::AccountList;
use store::records::ResyncRange;

/// Before Stripe's first account, in Unix seconds: 2010-01-01.
const BEGINNING: i64 = 1_262_304_000;
/// Pages of one list that are asked for at the same time.
const AT_ONCE: usize = 6;
/// How many pages a part is to have that is cut off a list whose beginning is not known yet.
const PAGES_OF_A_PART: i64 = 8;
/// A part with fewer pages left is not divided.
const FEWEST_PAGES: i64 = 4;

/// What is known of every list.
pub(super) struct Plan {
    parts: Vec<Part>,
}

struct Part {
    list: AccountList,
    range: ResyncRange,
    is_asked: bool,
    /// Pages read by this process, and seconds of creation they covered.
    pages: i64,
    covered: i64,
}

/// A page to ask for, and what has to be kept before.
pub(super) struct Next {
    pub(super) list: AccountList,
    pub(super) range: ResyncRange,
    /// Parts that were divided for it.
    pub(super) divided: Vec<ResyncRange>,
}

impl Plan {
    /// From what is kept; a resync that begins has every list as one part, up to the second that has begun.
    pub(super) fn new(kept: Vec<ResyncRange>, now: Timestamp) -> Self {
        let kept: Vec<(AccountList, ResyncRange)> =
            kept.into_iter().filter_map(|range| Some((AccountList::parse(&range.list)?, range))).collect();
        let whole = |list: AccountList| ResyncRange {
            list: list.as_str().to_owned(),
            number: 0,
            created_from: BEGINNING,
            created_until: now.secs() + 1,
            after: None,
            is_done: false,
        };
        let missing = AccountList::ALL.into_iter().filter(|list| kept.iter().all(|(known, _)| known != list));
        let missing: Vec<_> = missing.map(|list| (list, whole(list))).collect();
        let part = |(list, range)| Part { list, range, is_asked: false, pages: 0, covered: 0 };
        Self { parts: kept.into_iter().chain(missing).map(part).collect() }
    }

    /// All parts, to be kept before the first page is asked for.
    pub(super) fn ranges(&self) -> Vec<ResyncRange> {
        self.parts.iter().map(|part| part.range.clone()).collect()
    }

    /// The next page to ask for, when more may be asked at once.
    pub(super) fn next(&mut self) -> Option<Next> {
        let mut asked: HashMap<AccountList, usize> = HashMap::new();
        for part in self.parts.iter().filter(|part| part.is_asked) {
            *asked.entry(part.list).or_default() += 1;
        }
        for list in AccountList::ALL {
            if asked.get(&list).copied().unwrap_or(0) >= AT_ONCE {
                continue;
            }
            let idle = |part: &&mut Part| part.list == list && !part.is_asked && !part.range.is_done;
            if let Some(part) = self.parts.iter_mut().find(idle) {
                part.is_asked = true;
                return Some(Next { list, range: part.range.clone(), divided: vec![] });
            }
            if let Some(next) = self.divide(list) {
                return Some(next);
            }
        }
        None
    }

    /// Divides the part of a list with most left, while a page of it is under way. What that page brings beyond the cut is there twice.
    fn divide(&mut self, list: AccountList) -> Option<Next> {
        let number = self.parts.iter().filter(|part| part.list == list).map(|part| part.range.number).max()? + 1;
        let cut = |part: &Part| part.cut().map(|cut| (part.left(), cut));
        let (n, (_, cut)) = self
            .parts
            .iter()
            .enumerate()
            .filter(|(_, part)| part.list == list && part.is_asked)
            .filter_map(|(n, part)| Some((n, cut(part)?)))
            .max_by_key(|(_, (left, _))| *left)?;
        let divided = &mut self.parts[n];
        let older = ResyncRange {
            number,
            created_from: divided.range.created_from,
            created_until: cut,
            after: None,
            ..divided.range.clone()
        };
        divided.range.created_from = cut;
        let both = vec![divided.range.clone(), older.clone()];
        self.parts.push(Part { list, range: older.clone(), is_asked: true, pages: 0, covered: 0 });
        Some(Next { list, range: older, divided: both })
    }

    /// The place in a part is gone, as its object was deleted: it is begun again behind that time. What was made in the same second comes
    /// twice.
    pub(super) fn begin_again(&mut self, asked: &ResyncRange) -> Option<ResyncRange> {
        let part = self.part(asked);
        let (_, created) = part.range.after.take()?;
        part.is_asked = false;
        part.range.created_until = created + 1;
        Some(part.range.clone())
    }

    fn part(&mut self, asked: &ResyncRange) -> &mut Part {
        let same = |part: &&mut Part| part.range.list == asked.list && part.range.number == asked.number;
        self.parts.iter_mut().find(same).expect("a page is of a part of this plan")
    }

    /// Takes in how far a part is after a page of it; answers with the part as it is to be kept. `ends` is when the page's first object was
    /// made, and id and time of its last.
    pub(super) fn read(
        &mut self,
        asked: &ResyncRange,
        ends: Option<(i64, (String, i64))>,
        has_more: bool,
    ) -> ResyncRange {
        let part = self.part(asked);
        part.is_asked = false;
        part.pages += 1;
        if let Some((first, last)) = ends {
            part.covered += (first - last.1).max(0);
            part.range.after = Some(last);
        }
        // The page may have gone beyond where the part ends since it was divided.
        let is_beyond = part.range.after.as_ref().is_some_and(|(_, created)| *created < part.range.created_from);
        part.range.is_done = !has_more || is_beyond;
        part.range.clone()
    }
}

impl Part {
    /// Pages that are left, as far as can be told.
    fn left(&self) -> i64 {
        let Some((_, position)) = &self.range.after else { return 0 };
        (position - self.range.created_from) / (self.covered / self.pages.max(1)).max(1)
    }

    /// Where to divide it: in half or, when it is not known how far back it goes, some pages on.
    fn cut(&self) -> Option<i64> {
        let (_, position) = self.range.after.as_ref()?;
        let left = self.left();
        if self.covered == 0 || left < FEWEST_PAGES {
            return None;
        }
        let pages = if self.range.created_from == BEGINNING { PAGES_OF_A_PART.min(left / 2) } else { left / 2 };
        Some(position - pages * (self.covered / self.pages.max(1)).max(1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Reads a list of objects made at these seconds by the plan, `at_once` answers late; how many calls it took, and most at once.
    fn read(created: &[i64], now: i64) -> (BTreeSet<usize>, usize, usize) {
        let mut order: Vec<usize> = (0..created.len()).collect();
        order.sort_by_key(|n| std::cmp::Reverse((created[*n], *n)));
        let mut plan = Plan::new(vec![], Timestamp::from_secs(now));
        plan.parts.retain(|part| part.list == AccountList::Customers);
        let (mut found, mut calls, mut most) = (BTreeSet::new(), 0, 0);
        let mut asked = std::collections::VecDeque::new();
        loop {
            while let Some(next) = plan.next() {
                // The answer is that of the moment of asking.
                let after = next.range.after.as_ref().map(|(id, _)| id.parse::<usize>().unwrap());
                let start = after.map_or(0, |id| order.iter().position(|n| *n == id).unwrap() + 1);
                let range = next.range.created_from..next.range.created_until;
                let matching: Vec<usize> =
                    order[start..].iter().copied().filter(|n| range.contains(&created[*n])).collect();
                asked.push_back((next.range, matching));
                calls += 1;
            }
            most = most.max(asked.len());
            let Some((range, matching)) = asked.pop_front() else { return (found, calls, most) };
            let page = &matching[..matching.len().min(100)];
            found.extend(page);
            let ends = page.first().zip(page.last());
            let ends = ends.map(|(first, last)| (created[*first], (last.to_string(), created[*last])));
            plan.read(&range, ends, matching.len() > 100);
        }
    }

    #[test]
    fn everything_is_read_with_few_calls_more_than_there_are_pages() {
        let now = 1_795_305_600;
        let year = 365 * 86_400;
        let evenly: Vec<i64> = (0..10_000).map(|n| now - n * (3 * year / 10_000)).collect();
        let growing: Vec<i64> = (0..10_000_i64).map(|n| now - n * n * year * 3 / 100_000_000).collect();
        let old: Vec<i64> = (0..10_000).map(|n| now - 5 * year - n * 60).collect();
        let at_once = vec![now - 5; 10_000];
        for (name, created, parallel) in
            [("evenly", evenly, true), ("growing", growing, true), ("old", old, true), ("at once", at_once, false)]
        {
            let (found, calls, most) = read(&created, now);
            assert_eq!(found.len(), created.len(), "{name}");
            assert!(calls <= 115, "{name}: {calls} calls for 100 pages");
            assert!(!parallel || most >= 4, "{name}: {most} at once");
        }
        assert_eq!(read(&[], now), (BTreeSet::new(), 1, 1));
        assert_eq!(read(&[now], now).0.len(), 1, "what was made in this second is there");
    }

    #[test]
    fn a_place_that_is_gone_is_begun_again_behind_its_time() {
        let now = Timestamp::from_secs(1_795_305_600);
        let mut plan = Plan::new(vec![], now);
        let first = plan.next().unwrap();
        let at = now.secs() - 1000;
        plan.read(&first.range, Some((now.secs(), ("cus_100".into(), at))), true);
        let again = plan.begin_again(&first.range).unwrap();
        assert_eq!((again.after, again.created_until, again.is_done), (None, at + 1, false));
        assert!(plan.begin_again(&first.range).is_none(), "without a place there is nothing to be gone");
    }

    #[test]
    fn a_plan_goes_on_from_what_was_kept() {
        let now = Timestamp::from_secs(1_795_305_600);
        let mut plan = Plan::new(vec![], now);
        let first = plan.next().unwrap();
        let kept = plan.read(&first.range, Some((now.secs(), ("cus_100".into(), now.secs() - 1000))), true);
        let mut again = Plan::new(vec![kept.clone()], now.plus_secs(500));
        let next = again.next().unwrap();
        assert_eq!((next.list, &next.range), (first.list, &kept), "its end is that of the first time");
        assert_eq!(again.ranges().len(), AccountList::ALL.len());
    }
}

//! Faults in a row, and at the moment at which they matter most.

use crate::fault::Fault;
use crate::place::Place;
use crate::whim::{Whim, Word};
use crate::world::World;
use bluegene::random::Random;
use cnode::Bounds;

/// A fault at a time, in microseconds, somewhere.
type Planned = (u64, Place, Fault);

/// One of those there are; `at` is any time, and after `later` all is well again.
pub(super) fn stage<B: Bounds>(
    world: &mut World<B>,
    random: &mut Random,
    place: Place,
    (at, later): (u64, u64),
) {
    let plan = match random.below(15) {
        0 | 1 => in_the_burst_of_a_launch(world, random, place, at),
        2..5 => while_it_joins(random, place, (at, later)),
        5 => a_parent_that_did_not_hear(world, random, place, (at, later)),
        6 => a_gang_that_is_to_go_on(world, random, place, (at, later)),
        7 => unheard(world, random, place, (at, later)),
        8 => requests_to_all_nodes(world, random, place, (at, later)),
        9 => a_session_told_partly(world, random, at),
        10 => an_orphan_at_a_node(world, random, at),
        11 => more_than_a_node_keeps(world, random, at),
        12 => an_aggregator_that_joins(world, random, (at, later)),
        13 => what_parents_do_not_say(world, random, place, at),
        _ => nobody_left_to_run_on(world, random, (at, later)),
    };
    plan.into_iter().for_each(|(at, place, fault)| world.plan_at(at, place, fault));
}

fn any_leaf<B: Bounds>(world: &World<B>, random: &mut Random) -> u32 {
    random.below(world.node_count() as u64) as u32
}

fn any_node<B: Bounds>(world: &World<B>, random: &mut Random) -> Place {
    Place::Leaf(any_leaf(world, random))
}

/// Something is lost between the making of the session and its exec; the parent comes back at once, or is
/// away for long.
fn in_the_burst_of_a_launch<B: Bounds>(
    world: &mut World<B>,
    random: &mut Random,
    place: Place,
    at: u64,
) -> Vec<Planned> {
    world.order(at, &format!("res {}", world.node_count()), "sleep 2", None);
    let fault = [Fault::Cut, Fault::Lose(1)][random.below(2) as usize];
    let is_io = world.levels().height() > 1 && random.below(2) == 0;
    let place = if is_io { Place::Io(random.below(u64::from(world.levels().root())) as u32) } else { place };
    // It takes 20 to 40 us from the client to the root, and from level to level; most of a burst is there at
    // the end of that.
    let is_below = matches!(place, Place::Leaf(_)) && world.levels().height() > 1;
    let lost = at + if is_below { 110 } else { 70 } + random.below(10);
    let mut plan = vec![(lost, place, fault)];
    if random.below(2) == 0 {
        plan.push((lost + 40, place, Fault::Mute { up: true, down: true }));
        plan.push((lost + 5_000_000, place, Fault::Heal));
    }
    plan
}

/// A node hangs up, and its parent does not hear that; or is gone, and nobody above knows that yet.
fn unheard<B: Bounds>(
    world: &mut World<B>,
    random: &mut Random,
    place: Place,
    (at, later): (u64, u64),
) -> Vec<Planned> {
    if random.below(2) == 0 {
        return vec![
            (at, place, Fault::Mute { up: true, down: false }),
            (at, place, Fault::Corrupt(1)),
            (at + 100_000 + random.below(4_000_000), place, Fault::Heal),
        ];
    }
    world.order(at, &format!("res {}", world.node_count()), "sleep 2", None);
    vec![(at - random.below(1_000), place, Fault::Kill), (later, place, Fault::Return)]
}

/// Two members on one node, of which one is killed; what is said then.
fn a_session_told_partly<B: Bounds>(world: &mut World<B>, random: &mut Random, at: u64) -> Vec<Planned> {
    let leaf = any_leaf(world, random);
    let name = world.levels().name_of_leaf(leaf);
    let is_own = random.below(2) == 0;
    let names = if is_own { world.levels().path_to(leaf) } else { Vec::new() };
    let res = if is_own { "res 2".to_owned() } else { format!("res + {name}\nres + {name}") };
    let gang = if random.below(2) == 0 { "\ngang on" } else { "" };
    // Its client waits for nothing, so that the session stays when it is over.
    let job = world.order_at(at, &names, (&format!("{res}{gang}"), "", None));
    world.whim(at + 1_000, job, Whim::Exec);
    // The first may be ready while the second is not.
    world.whim(at + 1_200 + random.below(800), job, Whim::Exec);
    world.whim(at + 500_000, job, Whim::KillOne);
    let said =
        [Whim::Exec, Whim::Go(true), Whim::Go(false), Whim::Bad, Whim::Reopen, Whim::Late, Whim::Reserve];
    for whim in said {
        world.whim(at + 600_000 + random.below(1_000), job, whim);
    }
    let place = Place::Leaf(leaf);
    let ways = random.below(3);
    if ways == 0 {
        return vec![(at + 700_000, place, Fault::Cut)];
    }
    if ways == 1 {
        return vec![
            (at + 700_000, place, Fault::Cut),
            (at + 700_100, place, Fault::Mute { up: true, down: true }),
            (at + 6_000_000, place, Fault::Heal),
        ];
    }
    // Now it is over.
    for whim in said {
        world.whim(at + 3_200_000 + random.below(1_000), job, whim);
    }
    Vec::new()
}

/// A node's parent comes back, and the clients do not that had sessions there.
fn an_orphan_at_a_node<B: Bounds>(world: &mut World<B>, random: &mut Random, at: u64) -> Vec<Planned> {
    let leaf = any_leaf(world, random);
    let names = world.levels().path_to(leaf);
    let program = ["sleep 9", "nosuch", ""][random.below(3) as usize];
    world.order_at(at, &names, ("res 1", program, None));
    let other = world.order_at(at + 400_000, &names, ("res 1", "", None));
    let whims = [Whim::Orphan(false), Whim::Orphan(true), Whim::Adopt(false), Whim::Adopt(true)];
    world.whim(at + 410_000, other, whims[random.below(4) as usize]);
    world.whim(at + 420_000, other, whims[random.below(4) as usize]);
    world.flush(at + 415_000 + random.below(5_000), other);
    let cut = |at| (at, Place::Leaf(leaf), Fault::Cut);
    // Its member may be starting still.
    let first = if random.below(2) == 0 { 200 + random.below(300) } else { 10_000 };
    let mut plan = vec![cut(at + first)];
    if random.below(2) == 0 {
        plan.push(cut(at + 500_000));
    }
    plan
}

/// An environment that nodes refuse, or one aggregator does; below which a node goes then, or itself.
fn more_than_a_node_keeps<B: Bounds>(world: &mut World<B>, random: &mut Random, at: u64) -> Vec<Planned> {
    let gang = if random.below(2) == 0 { "\ngang on" } else { "" };
    let job = world.order(at, &format!("res {}{gang}", world.node_count()), "", None);
    world.whim(at + 1_000, job, Whim::Much);
    world.whim(at + 1_500, job, Whim::Input);
    world.whim(at + 2_000, job, Whim::Exec);
    world.whim(at + 2_500 + random.below(1_000), job, Whim::SignalAll);
    world.whim(at + 2_500 + random.below(1_000), job, Whim::CloseStdin);
    let above = Place::Io(0);
    for place in [above, any_node(world, random)] {
        for word in [Word::Bad, Word::Go] {
            world.whim(at + 2_500 + random.below(400), job, Whim::Made(place, word));
        }
    }
    if world.levels().height() > 1 {
        let near = world.order(at + 2_000, "label near", "", None);
        world.talks_to(near, 0);
        world.near(near);
        world.whim(at + 2_600, near, Whim::Made(above, Word::Bad));
        world.vanish(at + 2_800, near);
    }
    let (fault, place) = match random.below(3) {
        _ if world.levels().height() == 1 => return Vec::new(),
        0 => (Fault::Mute { up: true, down: true }, above),
        1 => (Fault::Cut, above),
        _ => (Fault::Cut, Place::Leaf(0)),
    };
    vec![(at + 3_000, place, fault), (at + 5_000_000, place, Fault::Heal)]
}

/// An aggregator that joins has a client, who asks for what is above at once.
fn an_aggregator_that_joins<B: Bounds>(
    world: &mut World<B>,
    random: &mut Random,
    (at, later): (u64, u64),
) -> Vec<Planned> {
    if world.levels().height() == 1 {
        return Vec::new();
    }
    let io = random.below(u64::from(world.levels().root())) as u32;
    let client = world.order(later + 10, "label above", "", None);
    world.talks_to(client, io);
    (0..20).for_each(|nth| world.whim(later + 60 + nth * 10, client, Whim::Above));
    vec![(at, Place::Io(io), Fault::Kill), (later, Place::Io(io), Fault::Return)]
}

/// A client tells a node what its parent does not, about a session of that.
fn what_parents_do_not_say<B: Bounds>(
    world: &mut World<B>,
    random: &mut Random,
    place: Place,
    at: u64,
) -> Vec<Planned> {
    let job = world.order(at, &format!("res {}", world.node_count()), "sleep 9", None);
    world.whim(at + 10_000, job, Whim::Made(place, Word::Normal));
    if random.below(2) == 0 {
        return vec![(at + 20_000, place, Fault::Cut)];
    }
    let hasty = world.order(at, "label x", "", None);
    world.near(hasty);
    world.whim(at + 10_000, hasty, Whim::Haste);
    let mute = Fault::Mute { up: true, down: true };
    vec![(at + 20_000, place, Fault::Cut), (at + 20_010, place, mute), (at + 6_000_000, place, Fault::Heal)]
}

/// All nodes of a session are gone before its exec.
fn nobody_left_to_run_on<B: Bounds>(
    world: &mut World<B>,
    random: &mut Random,
    (at, later): (u64, u64),
) -> Vec<Planned> {
    let leaf = any_leaf(world, random);
    // Only those below the root itself are asked for by name before they are known to be gone.
    let place = world.above(Place::Leaf(leaf)).filter(|io| *io != world.levels().root());
    let place = place.map_or(Place::Leaf(leaf), Place::Io);
    let job = world.order(at, &format!("res + {}", world.levels().name_of_leaf(leaf)), "", None);
    world.whim(at + 50_000, job, Whim::Exec);
    vec![(at + 20_000, place, Fault::Kill), (later, place, Fault::Return)]
}

/// A node is lost, or hears or says nothing, while it joins.
pub(super) fn while_it_joins(random: &mut Random, place: Place, (at, later): (u64, u64)) -> Vec<Planned> {
    let returns = at + 300_000;
    // It dials, is there, and greets: the parent has that after 60 to 80 us, and mostly near the end of these
    // the one half of it that makes it a child, and not yet the other.
    let is_half = random.below(2) == 0;
    let meanwhile = returns + if is_half { 74 + random.below(6) } else { 60 + random.below(200) };
    let soon = meanwhile + 200_000;
    let mute = Fault::Mute { up: random.below(2) == 0, down: true };
    let mut plan = vec![(at, place, Fault::Kill), (returns, place, Fault::Return)];
    plan.extend(match random.below(7) {
        0 => vec![(meanwhile, place, Fault::Cut)],
        1 => vec![(meanwhile, place, mute), (later, place, Fault::Heal)],
        2 => vec![(meanwhile, place, Fault::Stop), (later, place, Fault::Continue)],
        3 => vec![(meanwhile, place, Fault::Crash), (soon, place, Fault::Return)],
        4 => vec![(meanwhile, place, Fault::Lose(1))],
        5 => vec![
            (meanwhile, place, Fault::Mute { up: true, down: false }),
            (meanwhile + 1_000, place, Fault::Crash),
            (soon, place, Fault::Return),
            (soon + 1_000, place, Fault::Heal),
        ],
        _ => vec![
            (meanwhile, place, Fault::Mute { up: true, down: false }),
            (meanwhile, place, Fault::Corrupt(1)),
            (soon, place, Fault::Heal),
        ],
    });
    plan
}

/// A node's answers are on a slow link while its parent stands still; and what it asks of the parent itself.
fn a_parent_that_did_not_hear<B: Bounds>(
    world: &mut World<B>,
    random: &mut Random,
    place: Place,
    (at, later): (u64, u64),
) -> Vec<Planned> {
    let looker = world.order(at + 1_000_000, "label up", "", None);
    (0..8).for_each(|nth| world.whim(at + 1_500_000 + nth * 300_000, looker, Whim::Up));
    let slow = (at, place, Fault::Slow(600_000 + random.below(300_000)));
    let mut plan = vec![slow, (later + 3_000_000, place, Fault::Slow(0))];
    let above = world.above(place).filter(|io| *io != world.levels().root());
    if let Some(above) = above {
        plan.push((at + 1_000_000 + random.below(500_000), Place::Io(above), Fault::Stop));
        plan.push((later + 1_000_000, Place::Io(above), Fault::Continue));
    }
    plan
}

/// One of the gang's nodes does not hear that it may.
fn a_gang_that_is_to_go_on<B: Bounds>(
    world: &mut World<B>,
    random: &mut Random,
    place: Place,
    (at, later): (u64, u64),
) -> Vec<Planned> {
    let slow = 100_000 + random.below(300_000);
    let program = ["sleep 2", "hung"][random.below(2) as usize];
    // Its input is not closed before it has started.
    let gang = world.order(at + 1_000, &format!("res {}\ngang on", world.node_count()), program, Some(b""));
    let whims = [Whim::CloseStdin, Whim::CloseStdin, Whim::Winsize, Whim::Remove];
    world.whim(at + slow + random.below(2 * slow), gang, whims[random.below(4) as usize]);
    if random.below(2) == 0 {
        world.flush(at + 2 * slow + random.below(3 * slow), gang);
    }
    // The others are ready long before.
    let other = any_node(world, random);
    for word in [Word::Bad, Word::Exec] {
        world.whim(at + 20_000 + random.below(slow), gang, Whim::Made(other, word));
    }
    if random.below(4) == 0 {
        world.whim(at + 30_000 + random.below(slow), gang, Whim::Made(other, Word::Go));
    }
    vec![
        (at, place, Fault::Slow(slow)),
        (at + 2 * slow + random.below(2 * slow), place, Fault::Stop),
        (later, place, Fault::Continue),
        (later, place, Fault::Slow(0)),
    ]
}

/// An operator has nodes drain, and does not wait for the answer, or one of them is gone before.
fn requests_to_all_nodes<B: Bounds>(
    world: &mut World<B>,
    random: &mut Random,
    place: Place,
    (at, later): (u64, u64),
) -> Vec<Planned> {
    let operator = world.order(at, "label drain", "", None);
    world.near(operator);
    world.whim(at + 1_000, operator, Whim::Drain);
    let meanwhile = at + 1_030 + random.below(200);
    match random.below(3) {
        0 => world.flush(meanwhile, operator),
        1 => world.vanish(meanwhile, operator),
        _ => {
            world.whim(at + 500_000, operator, Whim::Resume);
            return vec![(meanwhile, place, Fault::Kill), (later, place, Fault::Return)];
        }
    }
    let operator = world.order(at + 400_000, "label resume", "", None);
    world.near(operator);
    world.whim(at + 500_000, operator, Whim::Resume);
    Vec::new()
}
